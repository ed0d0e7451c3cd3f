"""The back office shows the books and lets nobody write them."""

import re
import uuid
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection, connections
from django.db.models import CompositePrimaryKey
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import strip_tags

from accounts import tiles as account_panels
from accounts.models import Account, ApiKey, BalanceTotal, Currency, Tenant
from journal.models import Entry, PostingLine
from ledger_project.kernel import ids
from ledger_project.log.models import Event
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.staff import PASSWORD, boss, person, session, staff
from ledger_project.web.backoffice import html, plain_admin
from ledger_project.web.backoffice.site import ReadOnlyAdmin

pytestmark = pytest.mark.slow

LISTS = [Account, BalanceTotal, Currency, ApiKey, Entry, PostingLine, Event]


def list_url(model, **query):
    url = html.list_url(f"{model._meta.app_label}.{model._meta.model_name}")
    return url + "?" + "&".join(f"{name}={value}" for name, value in query.items())


def page_url(row, action="change"):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{action}", args=(row.pk,))


def shown(client, url):
    """The text of a page of the back office, without its tags; of a list, that of its rows."""
    response = client.get(url)
    assert response.status_code == 200, f"{url}: {response.status_code}"
    html = response.content.decode()
    _, is_list, table = html.partition('id="result_list"')
    content = table.partition("</table>")[0] if is_list else html.partition('id="content-main"')[2]
    return " ".join(re.sub(r"<[^>]*>", " ", content).split())


@contextmanager
def queries():
    with CaptureQueriesContext(connection) as captured:
        yield captured


@pytest.fixture
def books(ledger):
    """alice has 700 of 1,000 minted, bob 300; the transfer carries a reference."""
    ledger.open("alice", "bob")
    ledger.run("mint", account="alice", amount=1000)
    ledger.run("transfer", from_account="alice", to_account="bob", amount=300, job_id="job_7", description="rent")
    return ledger


def account(ledger, name):
    return Account.objects.get(tenant=ledger.tenant, name=name)


def newest(ledger, model=Entry):
    return model.objects.filter(tenant=ledger.tenant).order_by("-pk")[0]


# Nobody writes.


def test_every_model_has_a_page_here():
    ours = [config for config in apps.get_app_configs() if not config.name.startswith(("django", "unfold", "rest_"))]
    models = {model for config in ours for model in config.get_models()}
    # Django's admin cannot show these; BalanceTotal and PostingLine are views of them, nodes are hashes only.
    composite = {model for model in models if isinstance(model._meta.pk, CompositePrimaryKey)}

    assert {model for model in models if not admin.site.is_registered(model)} == composite
    client = boss()
    for model in models - composite:
        assert client.get(list_url(model)).status_code == 200, model
        for row in model._default_manager.all()[:1]:
            assert client.get(page_url(row)).status_code == 200, row


def test_a_superuser_changes_no_row_of_the_ledger(books):
    client = boss()
    rows = [account(books, "alice"), newest(books), newest(books, Event), Currency.objects.get(tenant=books.tenant)]
    rows += [BalanceTotal.objects.get(pk=rows[0].pk), PostingLine.objects.filter(tenant=books.tenant)[0]]
    before = books.size()

    for row in rows:
        for method in (client.get, client.post):
            assert method(page_url(row, "delete"), {"post": "yes"}).status_code == 403, row
        assert client.post(page_url(row), {"name": "mallory", "amount": 1, "_save": "Save"}).status_code == 403, row
        assert client.get(list_url(type(row)).replace("?", "add/")).status_code == 403, row
        bulk = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes", "index": "0"}
        client.post(list_url(type(row)), bulk)

    assert books.size() == before
    assert books.balance("alice") == {"available": 700}
    assert account(books, "alice").name == "alice"


def test_every_page_of_the_ledger_is_read_only_by_birth():
    registered = admin.site._registry.items()
    writable = {
        model._meta.label
        for model, each in registered
        if not isinstance(each, ReadOnlyAdmin) or "save_model" in type(each).__dict__
    }

    assert writable == {"auth.User", "auth.Group"}


def test_a_plain_page_does_not_show_what_sounds_like_a_secret():
    key = ApiKey(name="billing", digest=b"\x01\x02", scopes=["read"])

    told = {field.name: plain_admin.cell_of(field)(key) for field in ApiKey._meta.concrete_fields}

    assert told["name"] == "billing"
    assert told["digest"] == "not shown"
    assert "read" in told["scopes"]


# Lists stay cheap.


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model.__name__)
def test_a_list_counts_nothing(books, model):
    client = boss()

    with queries() as captured:
        assert client.get(list_url(model, tenant=books.tenant)).status_code == 200

    assert [query["sql"] for query in captured if "COUNT(" in query["sql"].upper()] == []


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model.__name__)
def test_a_list_of_many_takes_no_more_queries_than_one_of_few(books, model):
    client = boss()
    client.get(list_url(model, tenant=books.tenant))
    with queries() as few:
        client.get(list_url(model, tenant=books.tenant))
    for n in range(20):
        books.open(f"agent-{n}")
        books.run("transfer", from_account="alice", to_account=f"agent-{n}", amount=1)

    with queries() as many:
        client.get(list_url(model, tenant=books.tenant))

    assert len(many) == len(few)


def test_a_page_takes_no_more_queries_when_the_history_is_long(books):
    client, alice = boss(), account(books, "alice")
    client.get(page_url(alice))
    with queries() as short:
        client.get(page_url(alice))
    for _ in range(10):
        books.run("transfer", from_account="alice", to_account="bob", amount=1)

    with queries() as long:
        client.get(page_url(alice))

    assert len(long) == len(short)


def test_pages_turn_without_a_count(ledger):
    client = boss()
    for n in range(51):
        ledger.open(f"agent-{n:02d}")
    first = list_url(Account, tenant=ledger.tenant)

    assert "agent-50" in shown(client, first)
    assert "agent-00" not in shown(client, first)
    assert 'rel="next"' in client.get(first).content.decode()
    assert "agent-00" in shown(client, f"{first}&p=2")
    assert 'rel="next"' not in client.get(f"{first}&p=2").content.decode()
    assert client.get(f"{first}&p=3").status_code == 302  # there is no such page


# Finding.


def test_search_by_id_in_every_spelling(books):
    client, alice, entry = boss(), account(books, "alice"), newest(books)
    spellings = [ids.show("acc", alice.pk), alice.pk.hex, str(alice.pk), f"ACC_{alice.pk.hex}", f" {alice.pk} "]

    for spelling in spellings:
        text = shown(client, list_url(Account, q=spelling))
        assert "alice" in text, spelling
        assert "bob" not in text, spelling
    for prefix in ("ent", "evt"):
        assert "rent" in shown(client, list_url(Entry, q=ids.show(prefix, entry.pk)))
        assert "transfer.posted" in shown(client, list_url(Event, q=ids.show(prefix, entry.pk)))
        assert "alice" in shown(client, list_url(PostingLine, q=ids.show(prefix, entry.pk)))
    assert "Nothing found" in shown(client, list_url(Account, q=f"acc_{uuid.uuid4().hex}"))


def test_search_by_name_key_and_reference(ledger):
    client, word = boss(), uuid.uuid4().hex[:10]
    ledger.open(f"{word}-one", f"two-{word}")
    ledger.run("mint", account=f"{word}-one", amount=5, reference=word, key=f"key-{word}")

    assert f"two-{word}" not in shown(client, list_url(Account, q=word))
    assert f"{word}-one" in shown(client, list_url(Account, q=word))
    assert f"two-{word}" in shown(client, list_url(Account, q=f"*{word}"))
    assert "credits.minted" in shown(client, list_url(Event, q=f"key-{word}"))
    assert "mint" in shown(client, list_url(Entry, q=f"reference={word}"))
    assert "Nothing found" in shown(client, list_url(Entry, q=f"reference={word}x"))


def test_a_row_has_an_address_with_its_public_id(books):
    alice = account(books, "alice")

    assert "liability, credit normal" in shown(boss(), f"/admin/accounts/account/acc_{alice.pk.hex}/change/")


def test_filters_narrow_a_list(books):
    client, tenant = boss(), books.tenant
    books.run("freeze_account", account="bob")
    other = Ledger()
    other.open("mallory")
    today = f"{newest(books, Event).recorded_at:%Y-%m-%d}"

    frozen = shown(client, list_url(Account, tenant=tenant, status="frozen"))
    assert ("bob" in frozen, "alice" in frozen) == (True, False)
    assert "platform:issuance" not in shown(client, list_url(BalanceTotal, tenant=tenant, status="frozen"))
    equity = shown(client, list_url(Account, tenant=tenant, type="equity", currency="CRD"))
    assert ("platform:issuance:CRD" in equity, "alice" in equity) == (True, False)
    assert "mallory" not in shown(client, list_url(Account, tenant=tenant))
    mints = shown(client, list_url(Entry, tenant=tenant, kind="mint"))
    assert ("mint" in mints, "rent" in mints) == (True, False)
    by_command = shown(client, list_url(Event, tenant=tenant, command="freeze_account"))
    assert ("account.frozen" in by_command, "transfer.posted" in by_command) == (True, False)
    assert "bob" in shown(client, list_url(PostingLine, tenant=tenant, account="bob"))
    assert "alice" not in shown(client, list_url(PostingLine, tenant=tenant, account="bob"))
    for name in ("recorded", "effective"):
        assert "rent" in shown(
            client, list_url(Entry, **{"tenant": tenant, f"{name}_from": today, f"{name}_to": today})
        )
        assert "Nothing found" in shown(client, list_url(Entry, **{"tenant": tenant, f"{name}_to": "2020-01-01"}))
        assert "Nothing found" in shown(client, list_url(Entry, **{"tenant": tenant, f"{name}_from": "9000-01-01"}))


@pytest.mark.parametrize("day", ["yesterday", "2026-13-45", "0001-01-01", "9999-12-31", "'", "2026-11-21T00:00"])
def test_a_day_that_is_none_filters_nothing(books, day):
    assert "rent" in shown(boss(), list_url(Entry, tenant=books.tenant, recorded_from=day, effective_to=day))


# What is shown.


@pytest.mark.parametrize(
    ("minor", "scale", "read"),
    [
        (0, 0, "0"),
        (1234567, 0, "1,234,567"),
        (-5, 2, "-0.05"),
        (-123456789, 2, "-1,234,567.89"),
        (10**37, 0, "10,000,000,000,000,000,000,000,000,000,000,000,000"),
        (1234567890123456789012, 18, "1,234.567890123456789012"),
        (-(10**38 - 1), 18, "-99,999,999,999,999,999,999.999999999999999999"),
    ],
)
def test_amounts_are_read_in_groups_and_exactly(minor, scale, read):
    assert html.grouped(minor, scale) == read
    assert strip_tags(html.amount(minor, scale)) == read
    assert ("lb-negative" in html.amount(minor, scale)) == (minor < 0)


def test_a_page_shows_18_decimals_and_38_digits_exactly():
    ledger, client = Ledger(currency="ETH", scale=18), boss()
    ledger.open("whale")
    ledger.run("mint", account="whale", amount="99999999999999999999999999999999999999")
    figure = "99,999,999,999,999,999,999.999999999999999999"

    assert f"{figure} ETH" in shown(client, list_url(Account, tenant=ledger.tenant))
    assert f"-{figure} ETH" in shown(client, list_url(Account, tenant=ledger.tenant))
    assert figure in shown(client, page_url(account(ledger, "whale")))
    assert f"{figure} ETH" in shown(client, list_url(Entry, tenant=ledger.tenant))


def test_an_account_tells_its_history_with_the_balance_after_each_posting(books):
    client = boss()
    books.run("transfer", from_account="bob", to_account="alice", amount=50)

    text = shown(client, page_url(account(books, "alice")))

    history = text.partition("History")[2]
    told = [
        history.index(line)
        for line in ("transfer available 50 750", "transfer available 300 700", "mint available 1,000 1,000")
    ]
    assert told == sorted(told)
    assert "Balance in CRD" in text


def test_the_history_of_a_striped_account_adds_up(books):
    issuance = account(books, "platform:issuance:CRD")
    for amount in (5, 7):
        books.run("mint", account="bob", amount=amount)

    history = shown(boss(), page_url(issuance)).partition("History")[2]

    assert "mint available 7 -1,012" in history
    assert "mint available 5 -1,005" in history
    assert "mint available 1,000 -1,000" in history


def test_an_entry_shows_debits_credits_and_its_reversal(books):
    client, transfer = boss(), newest(books)
    text = shown(client, page_url(transfer))
    assert "alice available 300 700 CRD" in text
    assert "bob available 300 300 CRD" in text
    assert "300 300 CRD" in text.rpartition("bob")[2].partition("CRD")[2]  # the sums of both sides

    books.run("reverse_entry", entry=ids.show("ent", transfer.pk), reason="charged twice")

    reversal = newest(books)
    assert ids.show("ent", reversal.pk)[-6:] in shown(client, page_url(transfer))
    assert "charged twice" in shown(client, page_url(reversal))
    assert ids.show("ent", transfer.pk)[-6:] in shown(client, page_url(reversal))


def test_an_event_shows_its_payload_and_that_its_hash_matches(books):
    text = shown(boss(), page_url(newest(books, Event)))

    assert "&quot;job_id&quot;: &quot;job_7&quot;" in text
    assert newest(books, Event).content_hash.hex() in text
    assert "matches" in text
    assert "does not match" not in text


def test_an_event_that_was_tampered_with_says_so(books):
    event = newest(books, Event)
    rewrite_actor(event, "mallory")
    text = shown(boss(), page_url(event))
    rewrite_actor(event, event.actor)  # the log is every test's

    assert "does not match" in text


def rewrite_actor(event, actor):
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE log_event DISABLE TRIGGER append_only")
        cursor.execute("UPDATE log_event SET actor = %s WHERE id = %s", [actor, event.pk])
        cursor.execute("ALTER TABLE log_event ENABLE ALWAYS TRIGGER append_only")


# The dashboard.


def test_the_dashboard_says_whether_the_books_balance(books):
    account_panels.checked.forget()
    text = shown(boss(), "/admin/")

    assert "to zero; checked" in text or "Out of balance" in text  # other tests leave books of their own
    assert f"in tenant {books.tenant}" not in text
    assert Event.objects.order_by("-id")[0].type in text  # another test's may be newer than ours: clocks are set there
    assert "in the last 24 hours" in text


def test_the_dashboard_names_the_books_that_are_off(books):
    with connections["owner"].cursor() as cursor:
        change = (
            "UPDATE accounts_balance SET available = available + %s, total_in = total_in + %s WHERE account_id = %s"
        )
        alice = account(books, "alice").pk
        cursor.execute(change, [7, 7, alice])
        found = account_panels.trial_balance()
        cursor.execute(change, [-7, -7, alice])

    assert f"-7 CRD in tenant {books.tenant}" in found.off
    assert f"tenant {books.tenant}" not in "".join(account_panels.trial_balance().off)


def test_the_dashboard_shows_each_person_what_they_may_see(books):
    assert "Newest events" in shown(staff("ledger_viewer"), "/admin/")
    assert "You may not see anything here yet" in shown(staff(), "/admin/")


# Who may come in.


def test_the_books_are_for_staff(books):
    client = session(person())
    assert client.get(list_url(Account)).status_code == 403  # staff, and in no group
    viewer = person("ledger_viewer")
    viewer.is_staff = False
    viewer.save()

    assert session(viewer).get(list_url(Account)).status_code == 302


def test_a_viewer_reads_the_ledger_and_not_the_staff(books):
    client = staff("ledger_viewer")
    for model in [*LISTS, Tenant]:
        assert client.get(list_url(model)).status_code == 200, model

    assert client.get("/admin/auth/user/").status_code == 403
    assert client.get("/admin/admin/logentry/").status_code == 403
    assert staff("ledger_auditor").get("/admin/auth/user/").status_code == 200


def test_login_leads_to_where_one_wanted_to_go(client):
    user = person("ledger_viewer", password=PASSWORD)
    wanted = "/admin/journal/entry/"
    asked = client.get(wanted)
    assert asked["Location"] == f"/admin/login/?next={wanted}"
    who = {"username": user.username, "password": PASSWORD}

    assert client.post(asked["Location"], who)["Location"] == wanted
    client.logout()
    assert client.post("/admin/login/", who)["Location"] == "/admin/"
    client.logout()
    assert client.post("/admin/login/?next=https://evil.example/", who)["Location"] == "/admin/"


def test_the_command_palette_finds_rows_by_id_and_name(books):
    client, entry = staff("ledger_viewer"), newest(books)

    found = client.get("/admin/search/", {"s": ids.show("ent", entry.pk), "extended": "1"}).content.decode()

    assert f"/admin/journal/entry/{ids.show('ent', entry.pk)}/change/" in found
    assert "/admin/auth/user/" not in found
