"""Budgets: every way to pay is asked, in one pass with the balance."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import connections

from accounts.budgets import alerting
from accounts.budgets.errors import BudgetCircle, BudgetExceeded, BudgetNotFound, UnknownTimeZone
from accounts.budgets.tree import TREES
from accounts.errors import SpendCapExceeded
from accounts.models import Account, BudgetWindow
from journal.replay import replay
from ledger_project.kernel import clock, ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.log import documents, rules
from ledger_project.log.executor import BatchRefused
from ledger_project.log.models import Event
from ledger_project.testing.hostile import APP, attempt, constraint
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("team:ada", "team:bob", funded=1000)
    ledger.open("shop", "eve", funded=1000)
    return ledger


def windows(books: Ledger) -> dict[str, tuple[int, int]]:
    """What is used and reserved of each budget, in all its windows."""
    rows = BudgetWindow.objects.filter(tenant=books.tenant).select_related("budget")
    return {row.budget.name: (int(row.used), int(row.reserved)) for row in rows}


class TestDirectPayments:
    def test_a_budget_lets_pass_what_it_has_and_names_what_is_left(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="month", limit=100)
        books.run("transfer", from_account="team:ada", to_account="shop", amount=60)

        with pytest.raises(BudgetExceeded) as refused:
            books.run("transfer", from_account="team:ada", to_account="shop", amount=41)

        facts = refused.value.facts
        assert (facts["name"], facts["window"], facts["limit"], facts["left"], facts["asked"]) == (
            "ada", "month", "100", "40", "41",
        )  # fmt: skip
        assert datetime.fromisoformat(facts["resets_at"]).day == 1
        assert books.balance("team:ada") == {"available": 940}
        assert windows(books) == {"ada": (60, 0)}

    def test_the_event_says_what_every_budget_on_the_way_has(self, books: Ledger) -> None:
        books.run("set_budget", name="org", window="total", limit=1000)
        books.run("set_budget", name="team", account_prefix="team:", window="day", limit=500, parent="org")

        done = books.run("spend", account="team:ada", to_account="shop", amount=7)

        assert [(each["used"], each["reserved"]) for each in done.document["result"]["budgets"]] == [("7", "0")] * 2
        assert windows(books) == {"org": (7, 0), "team": (7, 0)}

    def test_a_limit_of_nothing_stops_an_account_at_once(self, books: Ledger) -> None:
        books.run("set_budget", name="stop", account="team:ada", window="total", limit=0)

        with pytest.raises(BudgetExceeded):
            books.run("transfer", from_account="team:ada", to_account="shop", amount=1)
        with pytest.raises(BudgetExceeded):
            books.run("place_hold", account="team:ada", amount=1)
        with pytest.raises(BudgetExceeded):
            books.run("lock_escrow", buyer="team:ada", seller="shop", amount=1, reference="job-1")
        books.run("transfer", from_account="shop", to_account="team:ada", amount=1)

    def test_money_that_stays_below_a_budget_does_not_count_there(self, books: Ledger) -> None:
        books.run("set_budget", name="team", account_prefix="team:", window="total", limit=10)
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=100, parent="team")

        books.run("transfer", from_account="team:ada", to_account="team:bob", amount=50)

        assert windows(books) == {"ada": (50, 0)}

    def test_what_comes_in_opens_no_budget(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=10)
        books.run("transfer", from_account="team:ada", to_account="shop", amount=10)
        books.run("transfer", from_account="shop", to_account="team:ada", amount=10)

        with pytest.raises(BudgetExceeded):
            books.run("transfer", from_account="team:ada", to_account="shop", amount=1)

    def test_the_platform_asks_no_budget(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=0)

        books.run("promo_mint", account="team:ada", amount=10)
        books.run("promo_burn", account="team:ada", amount=10)

        assert windows(books) == {}

    def test_a_soft_budget_lets_pass(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=10, mode="soft")

        books.run("transfer", from_account="team:ada", to_account="shop", amount=25)

        assert windows(books) == {"ada": (25, 0)}
        assert BudgetWindow.objects.get(tenant=books.tenant).alert == 100

    def test_one_bulk_sees_its_own_budget(self, books: Ledger) -> None:
        results = books.execute(
            books.call("set_budget", name="ada", account="team:ada", window="total", limit=5),
            books.call("transfer", from_account="team:ada", to_account="shop", amount=6),
            books.call("set_budget", name="ada", account="team:ada", window="total", limit=6),
            books.call("transfer", from_account="team:ada", to_account="shop", amount=6),
        )

        assert isinstance(results[1], BudgetExceeded)
        assert windows(books) == {"ada": (6, 0)}

    def test_an_account_that_is_opened_in_the_same_bulk_is_below_its_prefix(self, books: Ledger) -> None:
        books.run("set_budget", name="team", account_prefix="team:", window="total", limit=5)

        results = books.execute(
            books.call("open_account", name="team:new"),
            books.call("mint", account="team:new", amount=10),
            books.call("transfer", from_account="team:new", to_account="shop", amount=5),
            books.call("transfer", from_account="team:new", to_account="shop", amount=1),
        )

        assert isinstance(results[3], BudgetExceeded)
        assert windows(books) == {"team": (5, 0)}

    def test_an_atomic_bulk_goes_by_the_budget_that_it_sets(self, books: Ledger) -> None:
        calls = [
            books.call("set_budget", name="ada", account="team:ada", window="total", limit=5),
            books.call("transfer", from_account="team:ada", to_account="shop", amount=6),
        ]

        with pytest.raises(BatchRefused) as refused:
            books.execute(*calls, atomic=True)

        assert refused.value.index == 1
        assert isinstance(refused.value.results[1], BudgetExceeded)
        assert windows(books) == {}
        books.run("transfer", from_account="team:ada", to_account="shop", amount=6)

    def test_a_process_that_remembers_older_rules_looks_again(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=50)
        books.run("transfer", from_account="team:ada", to_account="shop", amount=1)
        older = rules._revisions[books.tenant], TREES._kept[books.tenant]
        books.run("set_budget", name="bob", account="team:bob", window="total", limit=0)
        rules._revisions[books.tenant], TREES._kept[books.tenant] = older

        with pytest.raises(BudgetExceeded):
            books.run("transfer", from_account="team:bob", to_account="shop", amount=1)

    def test_who_is_paid_is_not_told_of_the_payers_budgets(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=50)
        done = books.run("transfer", from_account="team:ada", to_account="shop", amount=1)

        shop = Account.objects.get(tenant=books.tenant, name="shop")
        assert documents.seen_by(done.document, f"acc_{shop.id.hex}")["result"]["budgets"] == []


class TestHolds:
    def test_a_hold_reserves_a_capture_uses_a_release_gives_back(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="month", limit=100)
        hold = books.answer("place_hold", account="team:ada", amount=80)["hold"]["id"]
        assert windows(books) == {"ada": (0, 80)}
        with pytest.raises(BudgetExceeded):
            books.run("transfer", from_account="team:ada", to_account="shop", amount=21)

        books.run("capture_hold", hold=hold, amount=30, to_account="shop")

        assert windows(books) == {"ada": (30, 0)}

    def test_a_hold_stays_in_the_window_in_which_it_was_placed(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="hour", limit=100)
        hold = books.answer("place_hold", account="team:ada", amount=80)["hold"]["id"]
        with clock.moved(timedelta(hours=2)):
            books.run("transfer", from_account="team:ada", to_account="shop", amount=100)

            books.run("capture_hold", hold=hold, amount=80, to_account="shop")

        rows = BudgetWindow.objects.filter(tenant=books.tenant).order_by("starts_at")
        assert [(int(row.used), int(row.reserved)) for row in rows] == [(80, 0), (100, 0)]

    def test_a_hold_for_a_neighbour_cannot_leave_the_team_by_its_capture(self, books: Ledger) -> None:
        books.run("set_budget", name="team", account_prefix="team:", window="total", limit=10)
        hold = books.answer("place_hold", account="team:ada", amount=50, to_account="team:bob")["hold"]["id"]
        assert windows(books) == {"team": (0, 0)}

        with pytest.raises(BudgetExceeded):
            books.run("capture_hold", hold=hold, to_account="shop")
        books.run("capture_hold", hold=hold)

        assert windows(books) == {"team": (0, 0)}
        assert books.balance("team:bob") == {"available": 1050}

    def test_a_budget_of_later_asks_nothing_of_a_hold(self, books: Ledger) -> None:
        hold = books.answer("place_hold", account="team:ada", amount=50)["hold"]["id"]
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=0)

        books.run("capture_hold", hold=hold, to_account="shop")

        assert windows(books) == {}

    def test_the_hold_of_a_budget_that_has_ended_is_settled_there(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=100)
        hold = books.answer("place_hold", account="team:ada", amount=50)["hold"]["id"]
        books.run("end_budget", budget="ada")

        books.run("capture_hold", hold=hold, amount=20, to_account="shop")

        assert windows(books) == {"ada": (20, 0)}


class TestSessionKeys:
    def test_its_caps_hold_for_holds(self, books: Ledger) -> None:
        key = books.answer("issue_session_key", account="team:ada", max_total=100)["session_key"]["id"]
        hold = books.answer("place_hold", account="team:ada", amount=80, session_key=key)["hold"]["id"]

        with pytest.raises(SpendCapExceeded):
            books.run("spend", account="team:ada", to_account="shop", amount=21, session_key=key)
        books.run("capture_hold", hold=hold, amount=30, to_account="shop")
        done = books.run("spend", account="team:ada", to_account="shop", amount=70, session_key=key)

        shown = done.document["result"]["session_key"]
        assert (shown["spent_total"], shown["reserved_total"]) == ("100", "0")

    def test_a_revoked_key_pays_what_it_promised_and_promises_no_more(self, books: Ledger) -> None:
        key = books.answer("issue_session_key", account="team:ada")["session_key"]["id"]
        hold = books.answer("place_hold", account="team:ada", amount=80, session_key=key)["hold"]["id"]
        books.run("revoke_session_key", session_key=key)

        books.run("capture_hold", hold=hold, to_account="shop")

        assert books.balance("shop") == {"available": 1080}

    def test_a_budget_of_a_key_is_asked_by_who_names_the_key(self, books: Ledger) -> None:
        key = books.answer("issue_session_key", account="team:ada")["session_key"]["id"]
        books.run("set_budget", name="key", session_key=key, window="day", limit=10)

        books.run("transfer", from_account="team:ada", to_account="shop", amount=50)
        with pytest.raises(BudgetExceeded):
            books.run("spend", account="team:ada", to_account="shop", amount=11, session_key=key)

        assert windows(books) == {}


class TestSetting:
    def test_a_lowered_limit_keeps_what_was_used_and_refuses_what_is_new(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=100)
        books.run("transfer", from_account="team:ada", to_account="shop", amount=60)
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=50)

        with pytest.raises(BudgetExceeded) as refused:
            books.run("transfer", from_account="team:ada", to_account="shop", amount=1)

        assert refused.value.facts["left"] == "0"
        assert windows(books) == {"ada": (60, 0)}

    @pytest.mark.parametrize(
        ("refusal", "arguments"),
        [
            (UnknownTimeZone, {"time_zone": "Mars/Olympus"}),
            (BudgetNotFound, {"parent": "nobody"}),
            (BudgetCircle, {"parent": "ada"}),
            (InvalidRequest, {"window": "day"}),
            (InvalidRequest, {"account_prefix": "team:"}),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, books: Ledger, refusal: type[Exception], arguments: dict[str, str]
    ) -> None:
        budget = {"name": "ada", "account": "team:ada", "window": "month", "limit": 1}
        books.run("set_budget", **budget)

        with pytest.raises(refusal):
            books.run("set_budget", **budget | arguments)

    def test_a_circle_is_refused_however_long(self, books: Ledger) -> None:
        books.run("set_budget", name="a", window="day", limit=1)
        books.run("set_budget", name="b", window="day", limit=1, parent="a")
        books.run("set_budget", name="c", window="day", limit=1, parent="b")

        with pytest.raises(BudgetCircle):
            books.run("set_budget", name="a", window="day", limit=1, parent="c")

    def test_a_name_is_free_again_when_its_budget_has_ended(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="month", limit=1)
        books.run("end_budget", budget="ada")
        books.run("set_budget", name="ada", account="team:ada", window="day", limit=5)

        books.run("transfer", from_account="team:ada", to_account="shop", amount=5)


class TestInPostgreSQL:
    def test_the_app_cannot_take_more_than_a_hard_budget_has(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=10)
        books.run("transfer", from_account="team:ada", to_account="shop", amount=10)

        sql = f"UPDATE accounts_budgetwindow SET used = used + 1 WHERE tenant_id = {books.tenant}"
        assert constraint(attempt(APP, sql)) == "budget_exceeded"

    def test_nor_give_one_that_has_ended_its_life_back(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=10)
        books.run("end_budget", budget="ada")

        sql = f"UPDATE accounts_budget SET ended_at = NULL WHERE tenant_id = {books.tenant}"
        assert constraint(attempt(APP, sql)) == "budget_ended"

    def test_nor_lower_a_revision(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=10)

        sql = f"UPDATE log_revision SET revision = revision - 0 WHERE tenant_id = {books.tenant}"
        assert constraint(attempt(APP, sql)) == "revision_runs_back"


class TestAlerts:
    def test_each_threshold_is_told_once_and_in_order(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=100)
        books.run("transfer", from_account="team:ada", to_account="shop", amount=85)

        alerting.alert_due()
        alerting.alert_due()

        told = Event.objects.filter(tenant=books.tenant, type="budget.alerted").order_by("id")
        assert [event.result["threshold"] for event in told] == [50, 80]

    def test_after_the_limit_was_raised_past_it_it_is_told_again(self, books: Ledger) -> None:
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=100, alerts=[80])
        books.run("transfer", from_account="team:ada", to_account="shop", amount=80)
        alerting.alert_due()
        books.run("set_budget", name="ada", account="team:ada", window="total", limit=200, alerts=[80])
        alerting.alert_due()
        books.run("transfer", from_account="team:ada", to_account="shop", amount=80)

        alerting.alert_due()

        assert Event.objects.filter(tenant=books.tenant, type="budget.alerted").count() == 2


class TestManyAtOnce:
    """A budget pays for as many as it pays for, whoever asks at once."""

    @pytest.mark.parametrize("way", ["transfer", "hold"])
    def test_a_team_of_agents_spends_exactly_its_budget(self, books: Ledger, way: str) -> None:
        agents = [f"team:{n}" for n in range(8)]
        books.open(*agents, funded=1000)
        books.run("set_budget", name="org", window="total", limit=137 * 3)
        books.run("set_budget", name="team", account_prefix="team:", window="day", limit=10**6, parent="org")

        def ask(n: int) -> bool:
            agent = agents[n % len(agents)]
            try:
                if way == "transfer":
                    books.run("transfer", key=f"t{n}", from_account=agent, to_account="shop", amount=3)
                else:
                    hold = ids.show("hld", books_hold(books, f"h{n}", agent))
                    books.run("capture_hold", key=f"c{n}", hold=hold, to_account="shop")
            except BudgetExceeded:
                return False
            finally:
                connections.close_all()
            return True

        with ThreadPoolExecutor(16) as pool:
            allowed = sum(pool.map(ask, range(300)))

        assert allowed == 137
        assert windows(books)["org"] == (137 * 3, 0)
        assert books.balance("shop") == {"available": 1000 + 137 * 3}
        assert replay(books.tenant) == []


def books_hold(books: Ledger, key: str, agent: str) -> UUID:
    done = books.run("place_hold", key=key, account=agent, amount=3)
    return UUID(hex=done.document["result"]["hold"]["id"][4:])
