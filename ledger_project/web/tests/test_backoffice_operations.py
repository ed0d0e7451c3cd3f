"""In the back office, too, money moves by commands only: asked for, rehearsed, posted once, in the person's name."""

import re
import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client

from accounts.models import Account, ApiKey, Tenant
from journal.models import Entry
from ledger_project.kernel import ids
from ledger_project.log.executor import look
from ledger_project.log.models import Event
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.staff import boss, person, session, staff
from ledger_project.web.api import authentication
from ledger_project.web.backoffice.operations import ROWS_AT_ONCE
from ledger_project.web.backoffice.staff import settle_permissions

pytestmark = pytest.mark.slow

ACCOUNTS = "/admin/accounts/account/"


@pytest.fixture
def books(ledger):
    """alice has 1,000, bob and carol nothing."""
    ledger.open("alice", funded=1000)
    ledger.open("bob", "carol")
    return ledger


@pytest.fixture
def operator():
    return staff("ledger_operator")


def account(ledger, name):
    return Account.objects.get(tenant=ledger.tenant, name=name)


def page(ledger, name, command):
    return f"{ACCOUNTS}{ids.show('acc', account(ledger, name).pk)}/do/{command}/"


def token_in(response):
    """The one-time token of a form that was just opened."""
    (token,) = re.findall(r'name="token" value="([0-9a-f]{32})"', response.content.decode())
    return token


def fill(client, url, *, token=None, confirmed=True, **answers):
    """Open a form, answer, and send it; its confirmation too, unless this is the rehearsal."""
    answers["token"] = token or token_in(client.get(url))
    return client.post(url, answers | ({"confirmed": "yes"} if confirmed else {}))


def told(response):
    """The messages that the next page shows."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def newest_event(ledger):
    return Event.objects.filter(tenant=ledger.tenant).order_by("-pk")[0]


def select(client, ledger, *names, action, **more):
    """Choose an action for some rows of the list of accounts."""
    rows = [str(account(ledger, name).pk) for name in names]
    return client.post(f"{ACCOUNTS}?tenant={ledger.tenant}", {"action": action, "_selected_action": rows, **more})


# On one account.


def test_freeze_asks_why_and_keeps_the_answer_in_the_persons_name(books):
    user = person("ledger_operator")
    client = session(user)

    unanswered = fill(client, page(books, "alice", "freeze_account"), reason="")
    assert "This field is required." in unanswered.content.decode()
    assert books.tail() == ["account.opened"]
    response = fill(client, page(books, "alice", "freeze_account"), reason="chargeback")

    event = newest_event(books)
    assert (event.type, event.actor) == ("account.frozen", f"user:{user.username}")
    assert event.payload["reason"] == "chargeback"
    assert response["Location"] == f"{ACCOUNTS}{ids.show('acc', account(books, 'alice').pk)}/change/"
    assert "Frozen: alice" in told(response)[0]


def test_an_account_offers_what_its_status_allows(books, operator):
    url = f"{ACCOUNTS}{account(books, 'alice').pk}/change/"
    offered = lambda: set(re.findall(r"/do/([a-z_]+)/", operator.get(url).content.decode()))  # noqa: E731

    always = {"close_account", "mint", "burn", "transfer", "upload_external_statement"}
    assert offered() == always | {"freeze_account"}
    books.run("freeze_account", account="alice")
    assert offered() == always | {"unfreeze_account"}


def test_a_refusal_is_told_and_nothing_moves(books, operator):
    before = books.size()

    text = fill(operator, page(books, "alice", "close_account"), reason="gone").content.decode()

    assert "Refused: account_not_empty." in text
    assert "available 1000" in text
    assert books.size() == before


def test_a_reason_that_the_log_would_not_keep_is_refused(books, operator):
    before = books.size()

    text = fill(operator, page(books, "alice", "freeze_account"), reason="a\x85b").content.decode()

    assert "Refused: invalid_request." in text
    assert books.size() == before


@pytest.mark.parametrize("command", ["mint", "burn"])
def test_supply_is_rehearsed_and_then_posted(books, operator, command):
    url, token = page(books, "alice", command), "0" * 32
    answers = {"amount": "250", "reason": "topping up", "reference": "inv-9", "token": token}
    before = books.size()

    rehearsed = fill(operator, url, **answers, confirmed=False).content.decode()
    assert "Nothing has been posted yet" in rehearsed
    assert "platform:issuance:CRD" in rehearsed
    assert books.size() == before
    assert fill(operator, url, **answers).status_code == 302

    assert books.balance("alice") == {"available": 1250 if command == "mint" else 750}
    event = newest_event(books)
    assert event.payload["metadata"] == {"reason": "topping up"}
    assert event.payload["reference"] == "inv-9"


def test_transfer_shows_both_sides_before_it_is_posted(books, operator):
    url = page(books, "alice", "transfer")
    answers = {"to_account": "bob", "amount": "300", "reason": "refund of a call", "token": "1" * 32}

    text = re.sub(r"<[^>]*>", " ", fill(operator, url, **answers, confirmed=False).content.decode())
    assert re.search(r"alice\s+available\s+300\s+700\s+CRD", text)
    assert re.search(r"bob\s+available\s+300\s+300\s+CRD", text)
    fill(operator, url, **answers)

    assert (books.balance("alice"), books.balance("bob")) == ({"available": 700}, {"available": 300})
    assert Entry.objects.filter(tenant=books.tenant).order_by("-pk")[0].description == "refund of a call"


def test_a_transfer_that_is_refused_is_refused_in_the_rehearsal(books, operator):
    url = page(books, "alice", "transfer")
    before = books.size()

    for answers, code in [
        ({"to_account": "bob", "amount": "1001"}, "insufficient_funds"),
        ({"to_account": "nobody", "amount": "1"}, "account_not_found"),
        ({"to_account": "alice", "amount": "1"}, "same_account"),
    ]:
        text = fill(operator, url, **answers, reason="x", confirmed=False).content.decode()
        assert f"Refused: {code}." in text

    assert books.size() == before


@pytest.mark.parametrize(
    ("written", "scale", "minor"),
    [
        ("10.5", 2, 1050),
        ("0.01", 2, 1),
        (" 7 ", 2, 700),
        ("1.000000000000000001", 18, 10**18 + 1),
        ("9" * 20, 18, None),
    ],
)
def test_an_amount_is_written_in_the_accounts_currency(operator, written, scale, minor):
    ledger = Ledger(currency="EUR", scale=scale)
    ledger.open("alice")

    fill(operator, page(ledger, "alice", "mint"), amount=written, reason="x")

    assert ledger.balance("alice") == {"available": minor or int("9" * 20) * 10**18}


@pytest.mark.parametrize(
    "written", ["", "0", "0.00", "-1", "1,000.50", "1e3", "1.005", "٣", "NaN", "9" * 39, "1.", ".5x"]
)
def test_what_is_no_amount_is_refused(operator, written):
    ledger = Ledger(currency="EUR", scale=2)
    ledger.open("alice")

    text = fill(operator, page(ledger, "alice", "mint"), amount=written, reason="x").content.decode()

    assert 'class="lb-error"' in text
    assert ledger.balance("alice") == {}


# Once.


def test_a_double_click_posts_once(books, operator):
    url = page(books, "alice", "mint")
    token = token_in(operator.get(url))

    first = fill(operator, url, token=token, amount="5", reason="x")
    second = fill(operator, url, token=token, amount="5", reason="x")

    assert books.balance("alice") == {"available": 1005}
    assert "earlier sending" not in told(first)[-1]
    assert "by an earlier sending of this form" in told(second)[-1]


def test_eight_clicks_at_the_same_moment_post_once(books):
    url, cookies = page(books, "alice", "mint"), staff("ledger_operator").cookies
    answers = {"amount": "5", "reason": "x", "token": "a" * 32, "confirmed": "yes"}
    start, statuses = threading.Barrier(8), []

    def click():
        client = Client()
        client.cookies = cookies
        start.wait()
        statuses.append(client.post(url, answers).status_code)
        connection.close()

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [302] * 8
    assert books.balance("alice") == {"available": 1005}


def test_a_form_that_was_used_cannot_be_used_for_something_else(books, operator):
    url = page(books, "alice", "mint")
    token = token_in(operator.get(url))
    fill(operator, url, token=token, amount="5", reason="x")

    text = fill(operator, url, token=token, amount="6", reason="x").content.decode()

    assert "Refused: idempotency_key_reused." in text
    assert books.balance("alice") == {"available": 1005}


# On some accounts.


def test_a_bulk_operation_asks_once_and_tells_honestly(books, operator):
    books.run("close_account", account="carol")

    asked = select(operator, books, "alice", "bob", "carol", action="freeze_account", index="0")
    assert "Freeze: 3 rows" in asked.content.decode()
    assert books.tail() == ["account.closed"]
    answers = {"action": "freeze_account", "confirmed": "yes", "reason": "audit", "token": token_in(asked)}
    done = select(operator, books, "alice", "bob", "carol", **answers)

    assert told(done) == ["2 frozen, 1 refused: account_closed"]
    assert books.tail(2) == ["account.frozen", "account.frozen"]
    again = select(operator, books, "alice", "bob", "carol", **answers)
    assert told(again)[-1] == "2 frozen (2 of them by an earlier sending of this form), 1 refused: account_closed"
    assert books.size()[0] == len(Event.objects.filter(tenant=books.tenant))
    assert books.tail(2) == ["account.frozen", "account.frozen"]


def test_a_bulk_operation_names_each_code(books, operator):
    books.run("close_account", account="carol")
    answers = {"confirmed": "yes", "reason": "gone", "token": "b" * 32}

    done = select(operator, books, "alice", "bob", "carol", action="close_account", **answers)

    assert told(done) in (
        ["1 closed, 2 refused: account_not_empty (1), account_closed (1)"],
        ["1 closed, 2 refused: account_closed (1), account_not_empty (1)"],
    )
    assert books.balance("alice") == {"available": 1000}


def test_rows_of_several_tenants_are_done_in_their_tenants(books):
    other = Ledger()
    other.open("dora")
    rows = [str(account(books, "alice").pk), str(account(other, "dora").pk)]
    answers = {
        "action": "freeze_account",
        "_selected_action": rows,
        "confirmed": "yes",
        "reason": "x",
        "token": "c" * 32,
    }

    assert told(boss().post(ACCOUNTS, answers)) == ["2 frozen"]

    assert books.tail() == other.tail() == ["account.frozen"]


def test_more_rows_than_a_person_can_have_looked_at_are_refused(ledger, operator):
    names = [f"agent-{n}" for n in range(ROWS_AT_ONCE + 1)]
    ledger.execute(*(ledger.call("open_account", name=name) for name in names))
    before = ledger.size()
    everything = {"action": "freeze_account", "select_across": "1", "index": "0", "confirmed": "yes", "reason": "x"}

    refused = select(operator, ledger, *names[:2], **everything, token="d" * 32)

    assert told(refused) == ["At most 100 rows at once; nothing was done."]
    assert ledger.size() == before


# On an entry.


def test_an_entry_is_reversed_once(books, operator):
    books.run("transfer", from_account="alice", to_account="bob", amount=300)
    entry = Entry.objects.filter(tenant=books.tenant).order_by("-pk")[0]
    url = f"/admin/journal/entry/{ids.show('ent', entry.pk)}/do/reverse_entry/"

    rehearsed = fill(operator, url, reason="charged twice", confirmed=False).content.decode()
    assert "Nothing has been posted yet" in rehearsed
    assert books.balance("bob") == {"available": 300}
    fill(operator, url, reason="charged twice")

    assert (books.balance("alice"), books.balance("bob")) == ({"available": 1000}, {})
    assert "/do/reverse_entry/" not in operator.get(f"/admin/journal/entry/{entry.pk}/change/").content.decode()
    assert "Refused: already_reversed." in fill(operator, url, reason="again").content.decode()


# On a tenant and its keys.


def test_a_key_is_shown_once_and_works_until_it_is_revoked(ledger):
    client = staff("ledger_admin")
    url = f"/admin/accounts/tenant/{ledger.tenant}/do/issue_api_key/"
    answers = {"name": "billing", "scopes": "read, journal.*", "expires_in": "30", "token": "e" * 32}

    issued = fill(client, url, **answers)

    token = re.findall(r"lk_[0-9a-f]{12}_[0-9a-f]{48}", issued.content.decode())[0]
    assert "no-store" in issued["Cache-Control"]
    key = ApiKey.objects.get(tenant=ledger.tenant)
    assert (key.name, key.scopes) == ("billing", ["read", "journal.*"])
    assert key.expires_at == key.created_at + timedelta(days=30)
    secret = authentication.digest_of(token.rpartition("_")[2])
    assert look("SELECT id FROM accounts_apikey WHERE digest = %s", (secret,)) == [(key.pk,)]
    page_of_key = f"/admin/accounts/apikey/{ids.show('key', key.pk)}/"
    assert token.rpartition("_")[2] not in client.get(f"{page_of_key}change/").content.decode()
    again = fill(client, url, **answers)
    assert (again.status_code, ApiKey.objects.filter(tenant=ledger.tenant).count()) == (302, 1)

    fill(client, f"{page_of_key}do/revoke_api_key/")

    key.refresh_from_db()
    assert key.revoked_at is not None
    assert newest_event(ledger).type == "api_key.revoked"


def test_a_scope_that_means_nothing_is_refused(ledger):
    url = f"/admin/accounts/tenant/{ledger.tenant}/do/issue_api_key/"

    text = fill(staff("ledger_admin"), url, name="x", scopes="read journal.everything").content.decode()

    assert "Unknown: journal.everything" in text
    assert not ApiKey.objects.filter(tenant=ledger.tenant).exists()


def test_a_new_tenant_gets_a_currency_and_an_account(client):
    client = boss()
    client.post("/admin/accounts/tenant/add/", {"name": "Acme", "slug": f"acme-{person().username}"})
    tenant = Tenant.objects.order_by("-pk")[0]
    assert tenant.name == "Acme"

    fill(client, f"/admin/accounts/tenant/{tenant.pk}/do/register_currency/", code="EUR", scale="2", name="Euro")
    fill(client, f"/admin/accounts/tenant/{tenant.pk}/do/open_account/", name="cash", currency="EUR", type="asset")

    opened = Account.objects.get(tenant=tenant)
    assert (opened.name, opened.type, opened.currency, opened.scale) == ("cash", "asset", "EUR", 2)


# Who may.


@pytest.mark.parametrize("group", ["ledger_viewer", "ledger_auditor", "ledger_approver"])
def test_who_may_only_look_cannot_act(books, group):
    client, before = staff(group), books.size()
    for command in ("mint", "burn", "transfer", "freeze_account", "close_account"):
        url = page(books, "alice", command)
        assert client.get(url).status_code == 403
        assert (
            client.post(url, {"amount": "5", "reason": "x", "token": "f" * 32, "confirmed": "yes"}).status_code == 403
        )
    answers = {"confirmed": "yes", "reason": "x", "token": "f" * 32}
    select(client, books, "alice", action="freeze_account", **answers)
    select(client, books, "alice", action="freeze_account", index="0", **answers)

    assert "/do/" not in client.get(f"{ACCOUNTS}{account(books, 'alice').pk}/change/").content.decode()
    assert client.get(f"/admin/accounts/tenant/{books.tenant}/do/issue_api_key/").status_code == 403
    assert client.get("/admin/accounts/tenant/add/").status_code == 403
    assert books.size() == before


def test_an_operator_moves_money_and_gives_no_power(books, operator):
    assert operator.get(page(books, "alice", "mint")).status_code == 200
    for command in ("issue_api_key", "register_currency"):
        assert operator.get(f"/admin/accounts/tenant/{books.tenant}/do/{command}/").status_code == 403


def test_nobody_acts_without_a_session(books, client):
    assert client.get(page(books, "alice", "mint")).status_code == 302
    assert client.post(page(books, "alice", "mint"), {"amount": "5"})["Location"].startswith("/admin/login/")


def test_a_form_from_elsewhere_is_refused(books):
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(person("ledger_operator"))

    sent = {"amount": "5", "reason": "x", "token": "a" * 32, "confirmed": "yes"}

    assert careful.post(page(books, "alice", "mint"), sent).status_code == 403
    assert books.balance("alice") == {"available": 1000}


def test_an_administrator_of_staff_does_not_become_a_superuser():
    client, chief = staff("ledger_admin"), person(superuser=True)
    url = f"/admin/auth/user/{chief.pk}/"
    assert client.get(f"{url}change/").status_code == 200
    assert client.post(f"{url}change/", {"username": "mine", "is_superuser": "on"}).status_code == 403
    assert client.post(f"{url}password/", {"password1": "x" * 12, "password2": "x" * 12}).status_code == 403
    colleague = person("ledger_viewer")
    form = {"username": colleague.username, "is_active": "on", "is_staff": "on", "is_superuser": "on", "groups": []}

    assert client.post(f"/admin/auth/user/{colleague.pk}/change/", form).status_code == 302

    colleague.refresh_from_db()
    assert colleague.is_superuser is False
    assert client.post(f"/admin/auth/user/{colleague.pk}/delete/", {"post": "yes"}).status_code == 403


def test_each_command_has_a_permission_that_its_groups_have():
    operator, viewer = (Group.objects.get(name=f"ledger_{name}") for name in ("operator", "viewer"))

    assert operator.permissions.filter(codename="transfer", content_type__app_label="journal").exists()
    assert not viewer.permissions.exclude(codename__startswith="view_").exists()
    assert viewer.permissions.filter(codename="view_event").exists()


def test_what_administrators_took_from_a_group_stays_taken():
    from django.apps import apps

    operator = Group.objects.get(name="ledger_operator")
    burn = Permission.objects.get(codename="burn", content_type__app_label="journal")
    operator.permissions.remove(burn)

    settle_permissions(sender=apps.get_app_config("journal"), using="owner")

    assert not operator.permissions.filter(pk=burn.pk).exists()
    operator.permissions.add(burn)
    assert User.objects.get(pk=person("ledger_operator").pk).has_perm("journal.burn")


def test_a_tenant_is_added_here():
    client = boss()
    assert client.get("/admin/accounts/tenant/add/").status_code == 200

    answer = client.post("/admin/accounts/tenant/add/", {"name": "Acme", "slug": "acme-of-tests"})

    assert answer.status_code == 302
    assert Tenant.objects.get(slug="acme-of-tests").name == "Acme"
