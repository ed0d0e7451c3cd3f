"""What a bank says, held against the books: uploaded once, matched, explained by a person, put right by two."""

import hashlib
import re
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.errors import AccountNotFound, CurrencyMismatch, SameAccount
from accounts.models import Tenant
from journal.external.errors import (
    AdjustmentExists,
    AdjustmentNotPending,
    AlreadyMatched,
    ExternalItemNotFound,
    ExternalStatementExists,
    ExternalStatementNotFound,
    FourEyes,
    MalformedStatement,
    MatchDoesNotAddUp,
    MatchUndone,
)
from journal.external.models import ExternalAdjustment, ExternalLine, ExternalMatch, ExternalStatement
from journal.external.tests.story import HEADER, Bank
from journal.models import Entry
from journal.replay import replay
from ledger_project.kernel import ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.log.models import Event
from ledger_project.testing.crowd import together
from ledger_project.testing.hostile import APP, OWNER, attempt, constraint

pytestmark = pytest.mark.slow


@pytest.fixture
def bank(ledger):
    return Bank(ledger)


def test_a_month_is_reconciled(bank):
    paid, near, first, second = bank.book(100, 1, tx="ABC"), bank.book(50, 3), bank.book(30, 5), bank.book(12, 6)
    transit = bank.book(7, 9)
    october = bank.say("2,100, abc ,deposit", "3,49,,card less a fee", "5,42,batch,two payments", "8,-5,fee,bank fee")

    assert bank.match(october) | {"digest": ""} == {
        "matches": 2,
        "lines": 2,
        "entries": 3,
        "open_lines": 2,
        "open_entries": 2,
        "cut": False,
        "digest": "",
    }
    assert bank.match(october, tolerance=1)["matches"] == 1
    assert bank.matches(october) == [
        ("reference", [1], [paid]),
        ("group", [3], sorted([first, second])),
        ("amount", [2], [near]),
    ]
    bank.approve(bank.propose(october, line=4))
    bank.ledger.run("resolve_external_items", external_statement=october, entries=[transit], reason="paid in November")

    assert bank.ledger.balances()["bank"] == {"available": 194}
    assert bank.ledger.balances()["fees"] == {"available": 5}
    assert bank.match(october) | {"digest": ""} == dict.fromkeys(
        ("matches", "lines", "entries", "open_lines", "open_entries"), 0
    ) | {"cut": False, "digest": ""}
    assert bank.ledger.tail(3) == ["adjustment.posted", "external_items.resolved", "external_statement.matched"]
    assert list(replay(bank.ledger.tenant)) == []


def test_a_file_is_uploaded_once_per_account_whatever_it_is_called(bank):
    october = bank.say("1,10,,")
    before = bank.ledger.size()

    with pytest.raises(ExternalStatementExists) as refused:
        bank.say("1,10,,", name="copy of october.csv")

    assert refused.value.facts["external_statement"] == october
    assert bank.ledger.size() == before
    assert bank.say("1,10,,", account="fees") != october
    row = ExternalStatement.objects.get(pk=ids.read("xst", october))
    digest = hashlib.sha256(f"{HEADER}\n2026-10-01,10,,".encode()).hexdigest()
    assert (row.content, row.sha256) == (f"{HEADER}\n2026-10-01,10,,", digest)
    event = Event.objects.get(pk=row.pk)
    assert event.payload["content"] == {"sha256": digest, "size": len(row.content)}


def test_one_file_at_once_is_one_upload(bank):
    calls = [
        bank.ledger.call(
            "upload_external_statement",
            account="bank",
            name="x",
            format="csv",
            content=f"{HEADER}\n2026-10-01,10,,",
        )
        for _ in range(4)
    ]

    outcomes = together([lambda call=call: bank.ledger.execute(call)[0] for call in calls])

    assert sorted(type(each).__name__ for each in outcomes) == ["Done", *["ExternalStatementExists"] * 3]
    assert ExternalStatement.objects.filter(tenant=bank.ledger.tenant).count() == 1


def test_a_malformed_file_leaves_nothing(bank):
    before = bank.ledger.size()

    with pytest.raises(MalformedStatement) as refused:
        bank.say("1,10,,", "2,1.5,,")
    with pytest.raises(AccountNotFound):
        bank.say("1,10,,", account="nobody")
    with pytest.raises(InvalidRequest, match="NUL"):
        bank.say("1,10,\0,")

    assert (refused.value.facts["line"], refused.value.facts["field"]) == (3, "amount")
    assert bank.ledger.size() == before
    assert not ExternalLine.objects.filter(tenant=bank.ledger.tenant).exists()


def test_searches_at_once_match_everything_once(bank):
    """Two statements tell of the same entries: each entry is matched in one of them."""
    for day in range(1, 21):
        bank.book(day * 7, day)
    lines = [f"{day},{day * 7},," for day in range(1, 21)]
    statements = [bank.say(*lines), bank.say(*reversed(lines))]
    calls = [bank.ledger.call("match_external_statement", external_statement=each) for each in statements * 2]

    outcomes = together([lambda call=call: bank.ledger.execute(call)[0] for call in calls])

    assert not [each for each in outcomes if isinstance(each, Exception)]
    assert sum(len(bank.matches(each)) for each in statements) == 20


def test_calls_of_one_batch_see_each_others_matches(bank):
    entry = bank.book(10)
    october = bank.say("1,10,,")
    by_hand = {"external_statement": october, "lines": [1], "entries": [entry], "reason": "seen"}
    search = bank.ledger.call("match_external_statement", external_statement=october)

    done, searched, again = bank.ledger.execute(
        bank.ledger.call("match_external_items", **by_hand), search, bank.ledger.call("match_external_items", **by_hand)
    )

    assert done.document["result"]["external_match"]["lines"] == [1]
    assert searched.document["result"]["matching"]["matches"] == 0
    assert isinstance(again, AlreadyMatched)


def test_a_person_matches_what_adds_up_and_takes_it_back(bank):
    entry, other = bank.book(10, 1), bank.book(10, 20)
    october = bank.say("9,20,,", "9,1,,")
    ask = {"external_statement": october, "lines": [1], "reason": "the bank was late"}
    with pytest.raises(MatchDoesNotAddUp) as refused:
        bank.ledger.run("match_external_items", entries=[entry], **ask)
    assert refused.value.facts == {"difference": "10", "tolerance": "0"}

    done = bank.ledger.run("match_external_items", entries=[entry, other], **ask)
    match = done.document["result"]["external_match"]["id"]
    with pytest.raises(AlreadyMatched) as refused:
        bank.ledger.run("match_external_items", entries=[entry], **ask | {"lines": [2]}, tolerance=9)
    assert refused.value.facts == {"entry": entry, "external_match": match}
    bank.ledger.run("undo_external_match", external_match=match, reason="wrong month")
    with pytest.raises(MatchUndone):
        bank.ledger.run("undo_external_match", external_match=match, reason="again")

    assert bank.matches(october) == []
    bank.ledger.run("match_external_items", entries=[entry, other], **ask)
    assert bank.matches(october) == [("person", [1], sorted([entry, other]))]


def test_what_is_not_there_or_not_named_is_refused(bank):
    entry = bank.book(10)
    elsewhere = bank.ledger.run("mint", account="alice", amount=1).document["id"].replace("evt_", "ent_")
    october = bank.say("1,10,,")
    before = bank.ledger.size()
    ask = {"external_statement": october, "reason": "x"}

    for command, wrong, refusal in (
        ("match_external_items", {"lines": [2], "entries": [entry]}, ExternalItemNotFound),
        ("match_external_items", {"lines": [1], "entries": [elsewhere]}, ExternalItemNotFound),
        ("match_external_items", {"lines": [1], "entries": [f"ent_{'0' * 32}"]}, ExternalItemNotFound),
        ("match_external_items", {"lines": [1]}, InvalidRequest),
        ("match_external_items", {"lines": [1, 1], "entries": [entry]}, InvalidRequest),
        ("resolve_external_items", {}, InvalidRequest),
        ("propose_adjustment", {"counter_account": "fees"}, InvalidRequest),
        ("propose_adjustment", {"counter_account": "bank", "line": 1}, SameAccount),
        ("propose_adjustment", {"counter_account": "nobody", "line": 1}, AccountNotFound),
    ):
        with pytest.raises(refusal):
            bank.ledger.run(command, **ask, **wrong)
    with pytest.raises(ExternalStatementNotFound):
        bank.match(f"xst_{'0' * 32}")
    assert bank.ledger.size() == before
    bank.ledger.run("register_currency", code="EUR", scale=2)
    bank.ledger.run("open_account", name="euros", currency="EUR")
    with pytest.raises(CurrencyMismatch):
        bank.ledger.run("propose_adjustment", **ask, counter_account="euros", line=1)


def test_an_adjustment_takes_two_and_is_posted_once(bank):
    october = bank.say("4,-5,,bank fee")
    adjustment = bank.propose(october, line=1)
    with pytest.raises(AdjustmentExists):
        bank.propose(october, line=1)
    with pytest.raises(FourEyes):
        bank.approve(adjustment, by="test")
    assert "fees" not in {name for name, held in bank.ledger.balances().items() if held}

    outcomes = together([lambda by=f"boss{n}": bank.approve(adjustment, by=by) for n in range(4)])

    refused = [each for each in outcomes if isinstance(each, Exception)]
    assert [type(each) for each in refused] == [AdjustmentNotPending] * 3
    assert bank.ledger.balances()["fees"] == {"available": 5}
    row = ExternalAdjustment.objects.get(tenant=bank.ledger.tenant)
    posted = Entry.objects.get(pk=row.posted)
    assert (row.status, row.proposed_by, row.decided_by[:4]) == ("posted", "test", "boss")
    assert (posted.kind, posted.description) == ("adjustment", "bank fee")
    assert posted.effective_at == datetime(2026, 10, 4, tzinfo=UTC)
    assert bank.matches(october) == [("adjustment", [1], [f"ent_{row.posted.hex}"])]


def test_an_entry_without_a_line_is_put_right_by_its_opposite(bank):
    entry = bank.book(30, 2)
    october = bank.say("9,1,,")

    bank.approve(bank.propose(october, entry=entry))

    assert bank.ledger.balances()["bank"] == {}
    assert bank.ledger.balances()["fees"] == {"available": 30}
    row = ExternalAdjustment.objects.get(tenant=bank.ledger.tenant)
    assert bank.matches(october) == [("adjustment", [], sorted([entry, f"ent_{row.posted.hex}"]))]


def test_a_rejected_adjustment_moves_nothing_and_may_be_proposed_anew(bank):
    october = bank.say("4,-5,,bank fee")
    adjustment = bank.propose(october, line=1)

    bank.ledger.run("reject_adjustment", adjustment=adjustment, reason="not ours")

    with pytest.raises(AdjustmentNotPending):
        bank.approve(adjustment)
    assert bank.propose(october, line=1) != adjustment


def test_what_was_matched_meanwhile_is_not_adjusted(bank):
    october = bank.say("4,10,,")
    adjustment = bank.propose(october, line=1)
    bank.book(10, 4)
    bank.match(october)
    before = bank.ledger.size()

    with pytest.raises(AlreadyMatched):
        bank.approve(adjustment)

    assert bank.ledger.size() == before


@pytest.mark.parametrize("type", ["liability", "equity"])
def test_a_credit_normal_account_grows_by_what_comes_in(ledger, type):
    bank = Bank(ledger)
    ledger.open("owed", type=type, unbounded=True)
    postings = [{"account": "owed", "amount": -10}, {"account": "fees", "amount": 10}]
    ledger.run("post_entry", postings=postings, effective_at="2026-10-01T10:00:00Z")
    october = bank.say("1,10,,", "1,-4,,", account="owed")

    assert bank.match(october)["matches"] == 1
    bank.approve(bank.propose(october, line=2))

    assert bank.ledger.balances()["owed"] == {"available": 6}


@pytest.mark.parametrize("alias", [APP, OWNER])
def test_the_database_forbids_it_by_itself(bank, alias):
    bank.book(10)
    other = bank.book(20, 25)
    october = bank.say("1,10,,", "4,-5,,")
    bank.match(october)
    adjustment = bank.propose(october, line=2)
    statement, tenant = ids.read("xst", october).hex, bank.ledger.tenant
    match = ExternalMatch.objects.get(statement=statement)
    account = ExternalStatement.objects.get(pk=statement).account_id
    key = "'01a20000-0000-7000-8000-000000000000'"
    columns = "kind, how, reason, difference, tolerance, created_at, undone_at, statement_id, tenant_id"
    copy = (
        f"INSERT INTO journal_externalmatch (id, {columns}) SELECT {key}, {columns}"
        f" FROM journal_externalmatch WHERE id = '{match.pk}'"
    )
    line = (
        f"INSERT INTO journal_matchedline (match_id, tenant_id, statement_id, number, active) VALUES ({key}, {tenant}"
    )
    entry = (
        "INSERT INTO journal_matchedentry (match_id, tenant_id, account_id, entry_id, active)"
        f" VALUES ({key}, {tenant}, '{account}', '{other[4:]}', true)"
    )
    propose = (
        "INSERT INTO journal_externaladjustment (id, number, amount, reason, status, proposed_by, proposed_identity,"
        " proposed_at, decision, counter_account_id, statement_id, tenant_id) SELECT gen_random_uuid(), number, amount,"
        " reason, status, proposed_by, proposed_identity, proposed_at, decision, counter_account_id, statement_id,"
        f" tenant_id FROM journal_externaladjustment WHERE id = '{ids.read('adj', adjustment)}'"
    )
    post = "UPDATE journal_externaladjustment SET status = 'posted', decided_at = now(), posted = gen_random_uuid()"
    statements = {
        ExternalStatementExists: [
            "INSERT INTO journal_externalstatement (id, name, format, sha256, content, lines, first_date, last_date,"
            " money_in, money_out, uploaded_at, account_id, tenant_id) SELECT gen_random_uuid(), name, format, sha256,"
            " content, lines, first_date, last_date, money_in, money_out, uploaded_at, account_id, tenant_id"
            f" FROM journal_externalstatement WHERE id = '{statement}'"
        ],
        AlreadyMatched: [f"{line}, '{statement}', 1, true)"],
        MatchDoesNotAddUp: [copy],
        AdjustmentExists: [propose],
        FourEyes: [
            f"{post}, decided_by = 'x', decided_identity = proposed_identity"
            f" WHERE status = 'pending' AND tenant_id = {tenant}"
        ],
    }
    for refusal, wrong in statements.items():
        assert constraint(attempt(alias, *wrong)) == refusal.constraint, refusal
    whole = f"WITH one AS ({copy}), two AS ({line}, '{statement}', 2, true)), three AS ({entry}) SELECT 1"
    assert constraint(attempt(alias, whole)) == MatchDoesNotAddUp.constraint
    assert constraint(attempt(alias, whole.replace(other[4:], "0" * 32))) == ExternalItemNotFound.constraint
    bank.ledger.run("undo_external_match", external_match=f"xmt_{match.pk.hex}", reason="x")
    again = f"UPDATE journal_matchedline SET active = true WHERE match_id = '{match.pk}'"
    assert constraint(attempt(alias, again)) == MatchUndone.constraint
    bank.ledger.run("reject_adjustment", adjustment=adjustment, reason="x")
    decided = f"{post}, decided_by = 'boss', decided_identity = 'boss' WHERE tenant_id = {tenant}"
    assert constraint(attempt(alias, decided)) == AdjustmentNotPending.constraint


@pytest.mark.parametrize("table", ["externalstatement", "externalline"])
def test_nobody_changes_what_was_uploaded(bank, table):
    bank.say("1,10,,")

    for wrong in (f"UPDATE journal_{table} SET tenant_id = tenant_id", f"DELETE FROM journal_{table}"):
        assert "append-only" in str(attempt(OWNER, wrong)) or constraint(attempt(OWNER, wrong)) == "append_only"
        assert "permission denied" in str(attempt(APP, wrong))


# Many, and by the command.


def many(bank, count):
    """So many entries of different kinds: most have their reference, some only their amount, some are in pairs."""
    lines = []
    for n in range(count):
        day = n % 28 + 1
        if n % 10 < 8:
            lines.append(f"{day},{n + 1},ref-{n},")
        elif n % 10 == 8:
            lines.append(f"{day},{1_000_000 + n},,")
        else:
            lines.append(f"{day},{-3},,fee {n}")
    day_of = lambda n: datetime(2026, 10, n % 28 + 1, 9, tzinfo=UTC).isoformat()  # noqa: E731
    calls = [
        bank.ledger.call(
            "post_entry",
            postings=[{"account": "bank", "amount": amount}, {"account": "alice", "amount": -amount}],
            references={"external_ref": f"REF-{n}"} if n % 10 < 8 else {},
            effective_at=day_of(n),
        )
        for n in range(count)
        if n % 10 < 9
        for amount in [n + 1 if n % 10 < 8 else 1_000_000 + n]
    ]
    for start in range(0, len(calls), 1000):
        assert not [each for each in bank.ledger.execute(*calls[start : start + 1000]) if isinstance(each, Exception)]
    return lines


def test_ten_thousand_lines_are_matched_in_one_search(bank):
    lines = many(bank, 10_000)

    made = bank.match(bank.say(*lines))

    assert {name: made[name] for name in ("matches", "lines", "entries", "open_lines", "open_entries", "cut")} == {
        "matches": 9000,
        "lines": 9000,
        "entries": 9000,
        "open_lines": 1000,
        "open_entries": 0,
        "cut": False,
    }


def test_the_command_uploads_once_and_matches_again(bank, tmp_path):
    tenant = Tenant.objects.get(pk=bank.ledger.tenant)
    file = tmp_path / "october.csv"
    file.write_bytes("Tag;Betrag;Zweck\n01.10.2026;10;Müller\n02.10.2026;3;\n".encode("cp1252"))
    options = ["--account", "bank", "--tenant", tenant.slug, "--map", "date=Tag", "--map", "amount=Betrag"]
    options += ["--map", "reference=Zweck", "--map", "delimiter=;", "--map", "date_order=DMY", "--encoding", "cp1252"]
    bank.book(10)

    def told():
        out = StringIO()
        try:
            call_command("reconcile_statement", str(file), *options, stdout=out)
        except SystemExit as ended:
            return ended.code, out.getvalue()
        return 0, out.getvalue()

    code, text = told()
    assert code == 1
    assert text.startswith("1 lines matched with 1 entries; the search saw everything\nopen line 2: 2026-10-02 3 CRD")
    bank.book(3, 2)
    code, text = told()
    assert (code, re.sub("xst_[0-9a-f]+", "xst", text)) == (
        0,
        "1 lines matched with 1 entries; the search saw everything\nxst: 0 of 2 lines open\n",
    )
    assert ExternalStatement.objects.filter(tenant=tenant).count() == 1
    with pytest.raises(CommandError, match="byte 32 is not utf-8"):
        call_command("reconcile_statement", str(file), *options[:-2])
    file.write_text("Tag;Betrag;Zweck\n01.10.2026;1.0.0;x\n")
    with pytest.raises(CommandError, match=r"line=2, field=Betrag"):
        call_command("reconcile_statement", str(file), *options)
