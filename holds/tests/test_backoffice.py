"""Finance at work on promised money: the same commands, asked for, rehearsed, and kept in the person's name."""

import re

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from holds import payouts
from holds.executors import Unknown
from holds.tests.story import Story
from ledger_project.log.models import Event
from ledger_project.testing.staff import boss, person, session, staff

HOLDS, DEPOSITS = "/admin/holds/hold/", "/admin/holds/deposit/"


@pytest.fixture
def operator():
    return staff("ledger_operator")


def token_in(response) -> str:
    (token,) = re.findall(r'name="token" value="([0-9a-f]{32})"', response.content.decode())
    return token


def do(client, which: str, command: str, *, address: str = HOLDS, **answers):
    """Open a form, answer it and confirm."""
    url = f"{address}{which}/do/{command}/"
    token = token_in(client.get(url))
    return client.post(url, {"token": token, "confirmed": "yes", "reason": "as agreed", **answers})


def told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_finance_confirms_a_withdrawal(books: Story) -> None:
    user = person("ledger_operator")
    withdrawal = books.withdrawal(60)

    response = do(session(user), withdrawal, "confirm_withdrawal", external_ref="wire_7")

    assert response.status_code == 302, response.content
    assert books.state(withdrawal) == ("confirmed", 60, 0)
    event = Event.objects.filter(tenant=books.tenant).latest("id")
    assert (event.command, event.actor) == ("confirm_withdrawal", f"user:{user.username}")
    page = session(user).get(f"{HOLDS}{withdrawal}/change/").content.decode()
    assert "wire_7" in page
    assert "as agreed" in page
    assert "/do/confirm_withdrawal/" not in page, "what is done is not offered again"


def test_a_rehearsal_shows_the_postings_and_moves_nothing(books: Story, operator) -> None:
    withdrawal = books.withdrawal(60)
    url = f"{HOLDS}{withdrawal}/do/confirm_withdrawal/"

    page = operator.post(url, {"token": token_in(operator.get(url)), "external_ref": "w", "reason": "r"})

    assert "platform:custody:CRD" in page.content.decode()
    assert books.state(withdrawal) == ("pending", 0, 0)


def test_finance_fails_a_withdrawal_that_was_not_sent(books: Story, operator) -> None:
    withdrawal = books.withdrawal(60)

    assert do(operator, withdrawal, "fail_withdrawal").status_code == 302

    assert books.state(withdrawal) == ("failed", 0, 60)
    assert books.stored(withdrawal).reason == "as agreed"


def test_one_that_was_sent_needs_a_statement(books: Story, operator) -> None:
    withdrawal = books.withdrawal(60)
    while (task := payouts.take_on()) and task.payment.withdrawal != withdrawal:
        pass  # another test's
    assert task is not None
    payouts.note(task, Unknown("HTTP 500"))

    page = do(operator, withdrawal, "fail_withdrawal").content.decode()
    assert "withdrawal_under_way" in page
    assert books.state(withdrawal) == ("pending", 0, 0)
    assert "HTTP 500" in operator.get(f"{HOLDS}{withdrawal}/change/").content.decode()
    assert do(operator, withdrawal, "fail_withdrawal", not_paid="on").status_code == 302

    assert books.state(withdrawal) == ("failed", 0, 60)


@pytest.mark.parametrize(("to_seller", "seller", "buyer"), [("0", {}, 100), ("25", {"available": 25}, 75)])
def test_a_dispute_is_decided(books: Story, operator, to_seller: str, seller: dict, buyer: int) -> None:
    escrow = books.escrow(60)

    assert do(operator, escrow, "dispute_escrow").status_code == 302
    assert do(operator, escrow, "resolve_escrow", to_seller=to_seller).status_code == 302

    assert books.balance("shop") == seller
    assert books.balance("alice") == {"available": buyer}


def test_a_decision_beyond_the_escrow_is_told_on_the_form(books: Story, operator) -> None:
    escrow = books.escrow(60)
    books.run("dispute_escrow", escrow=escrow, reason="r")

    page = do(operator, escrow, "resolve_escrow", to_seller="61")

    assert "more than the escrow has left" in page.content.decode()


def test_parts_are_asked_in_the_currencys_decimals(operator) -> None:
    books = Story(currency="USDC", scale=6)
    books.open("alice", funded=100_000_000)
    books.open("shop")
    hold = books.hold(60_500_000, to_account="shop")

    assert "60.500000 USDC" in operator.get(f"{HOLDS}{hold}/do/capture_hold/").content.decode()
    assert do(operator, hold, "capture_hold", amount="20.25").status_code == 302

    assert books.balance("shop") == {"available": 20_250_000}
    assert books.balance("alice") == {"available": 79_750_000}


def test_stakes_are_slashed_and_released(books: Story, operator) -> None:
    stake = books.stake(60)

    assert do(operator, stake, "slash_stake", amount="10", to_account="shop", trial="t1").status_code == 302
    assert do(operator, stake, "release_stake", amount="").status_code == 302

    assert books.state(stake) == ("slashed", 10, 50)
    assert books.balance("shop") == {"available": 10}


def test_many_are_released_with_an_honest_message(books: Story, operator) -> None:
    holds = [books.hold(1) for _ in range(3)]
    gone = books.hold(1)
    books.run("release_hold", hold=gone)
    url = f"{HOLDS}?tenant={books.tenant}"
    rows = [str(books.stored(hold).pk) for hold in [*holds, gone]]
    chosen = {"action": "release_hold", "_selected_action": rows}

    token = token_in(operator.post(url, chosen))
    response = operator.post(url, {**chosen, "token": token, "confirmed": "yes", "reason": "cleared up"})

    assert told(response) == ["3 released, 1 refused: hold_not_pending"]
    assert books.balance("alice") == {"available": 100}


def test_deposits_are_confirmed_and_given_up(books: Story, operator) -> None:
    first = books.deposit(5, external_ref="1", confirmed=False)
    second = books.deposit(5, external_ref="2", confirmed=False)

    assert do(operator, first, "confirm_deposit", address=DEPOSITS).status_code == 302
    assert do(operator, second, "fail_deposit", address=DEPOSITS).status_code == 302

    assert books.stored_deposit(first).status == "confirmed"
    assert books.stored_deposit(second).status == "failed"
    assert books.balance("alice") == {"available": 105}


def test_a_viewer_sees_and_does_nothing(books: Story) -> None:
    viewer = staff("ledger_viewer")
    withdrawal = books.withdrawal(60)

    page = viewer.get(f"{HOLDS}{withdrawal}/change/")

    assert page.status_code == 200
    assert "/do/" not in page.content.decode()
    assert viewer.get(f"{HOLDS}{withdrawal}/do/confirm_withdrawal/").status_code == 403


def test_a_boss_changes_no_row(books: Story) -> None:
    hold, deposit = books.hold(1), books.deposit(1)
    before = books.picture()

    for address in (f"{HOLDS}{hold}", f"{DEPOSITS}{deposit}"):
        assert boss().post(f"{address}/delete/", {"post": "yes"}).status_code == 403
        assert boss().post(f"{address}/change/", {"amount": 1000, "_save": "Save"}).status_code == 403
    assert books.picture() == before


def test_lists_and_pages_open_and_find(books: Story) -> None:
    client = boss()
    hold = books.hold(1, to_account="shop", references={"job_id": "job_123"})
    other, deposit = books.stake(1), books.deposit(1, external_ref="0xabc")

    def listed(address: str, query: str) -> str:
        response = client.get(f"{address}?tenant={books.tenant}&{query}")
        assert response.status_code == 200
        return response.content.decode()

    assert hold in listed(HOLDS, "q=job_id=job_123")
    assert other not in listed(HOLDS, "q=job_id=job_123")
    assert hold not in listed(HOLDS, "kind=stake&status=pending")
    assert other in listed(HOLDS, "kind=stake&status=pending")
    assert hold in listed(HOLDS, f"q={hold}")
    assert hold in listed(HOLDS, "account=alice")
    assert deposit in listed(DEPOSITS, "q=0xabc")
    assert client.get(reverse("admin:holds_payout_changelist")).status_code == 200
    alice = f"/admin/accounts/account/acc_{books.stored(hold).account_id.hex}/change/"
    assert hold in client.get(alice).content.decode()


def test_the_dashboard_says_what_waits_for_a_person(books: Story) -> None:
    books.withdrawal(60)
    books.run("dispute_escrow", escrow=books.escrow(10), reason="r")

    page = staff("ledger_viewer").get("/admin/").content.decode()

    assert "Withdrawals to pay" in page
    assert "Escrows in dispute" in page
