"""Another ledger's books come in whole or not at all, once, and each wrong line is named."""

import csv
import io
import json
from hashlib import sha256
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account, Tenant
from journal.models import Entry
from ledger_project.log.models import Event
from ledger_project.testing.ledger import Ledger

# The example of the mesh ledger's own documentation.
MESH = """{
  "accounts": {
    "alice": {
      "balance": 90,
      "created_at": "2025-12-07T04:20:00Z",
      "meta": {}
    },
    "provider": {
      "balance": 10,
      "created_at": "2025-12-07T04:20:00Z",
      "meta": {}
    }
  },
  "transfers": [
    {
      "id": "550e8400-e29b-41d4-a716-446655440000",
      "timestamp": "2025-12-07T04:21:00Z",
      "from_account": "alice",
      "to_account": "provider",
      "amount": 10,
      "job_id": "job_123",
      "note": null
    }
  ]
}
"""


@pytest.fixture
def load(tmp_path):
    """`load(books, "jsonl", text, …)`: what the command printed."""

    def run(books, format, text, **options):
        file = tmp_path / "file"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        out, err = io.StringIO(), io.StringIO()
        options = {"tenant": Tenant.objects.get(pk=books.tenant).slug, **options}
        try:
            call_command("import_journal", file, format=format, stdout=out, stderr=err, **options)
        except CommandError as error:
            return err.getvalue().splitlines(), str(error)
        return [int(line.split()[-1]) for line in out.getvalue().splitlines()[:4]]

    return run


def entry(**given):
    legs = [("bank", "30"), ("alice", "-30")]
    return {"postings": [{"account": name, "amount": amount} for name, amount in legs], **given}


def lines(*documents):
    return "".join(json.dumps(each) + "\n" for each in documents)


def test_the_mesh_ledgers_file_twice(load):
    books = Ledger(currency=None)

    assert load(books, "mesh", MESH, currency="CRD", open_accounts=True) == [2, 0, 3, 1]
    size = books.size()
    assert load(books, "mesh", MESH, currency="CRD", open_accounts=True) == [0, 2, 0, 0]

    assert books.size() == size == (6, 4)
    assert books.balance("alice") == {"available": 90}
    assert books.balance("provider") == {"available": 10}
    assert books.balance("platform:issuance:CRD") == {"available": -100}
    opening, transfer = Entry.objects.filter(tenant=books.tenant).order_by("id")
    assert [each.effective_at.isoformat() for each in (opening, transfer)] == [
        "2025-12-07T04:20:00+00:00",
        "2025-12-07T04:21:00+00:00",
    ]
    assert transfer.references == {"job_id": "job_123", "reference": "550e8400-e29b-41d4-a716-446655440000"}
    assert Account.objects.get(tenant=books.tenant, name="alice").metadata == {"created_at": "2025-12-07T04:20:00Z"}


def test_a_mesh_ledger_that_has_grown_adds_what_is_new(load):
    books = Ledger()
    load(books, "mesh", MESH, open_accounts=True)
    grown = json.loads(MESH)
    grown["transfers"].append(
        {**grown["transfers"][0], "id": "second", "amount": 25, "timestamp": "2025-12-08T00:00:00Z"}
    )
    grown["accounts"]["alice"]["balance"], grown["accounts"]["provider"]["balance"] = 65, 35

    assert load(books, "mesh", json.dumps(grown, indent=2), open_accounts=True) == [1, 2, 0, 0]
    assert (books.balance("alice"), books.balance("provider")) == ({"available": 65}, {"available": 35})


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ('"amount": 10,', '"amount": 10.0,', 15, "amount"),
        ('"amount": 10,', '"amount": "1e1",', 15, "amount"),
        ('"to_account": "provider"', '"to_account": "nobody"', 15, "not an account of this file"),
        ('"to_account": "provider"', '"to_account": ["provider"]', 15, "not an account of this file"),
        ('"timestamp": "2025-12-07T04:21:00Z"', '"timestamp": "2025-12-07"', 15, "timestamp"),
        ('"balance": 10,', '"balance": 5,', 8, "its transfers alone gave it 10"),
        ('"balance": 10,', '"balance": -10,', 8, "balance"),
        ('"provider": {\n', '"a/b": {\n', 15, "not an account of this file"),
        ('"note": null', '"note": null, "note": null', 15, "a key occurs twice"),
        ('"note": null\n    }', '"note": NaN\n    }', 1, "NaN is no number"),
        ('  "transfers": [', '  "transfers": [,', 14, "not JSON"),
        ('"meta": {}\n    }\n', '"meta": {"a": {"b": 1}}\n    }\n', 8, "metadata.a"),
    ],
)
def test_what_is_wrong_with_a_mesh_ledger_is_named_by_its_line(load, old, new, line, reason):
    books = Ledger()
    size = books.size()
    assert old in MESH

    told, error = load(books, "mesh", MESH.replace(old, new), open_accounts=True)

    assert (error, books.size()) == ("wrong lines: 1; nothing was imported", size)
    assert told[0].startswith(f"file:{line}: ")
    assert reason in told[0]


def test_json_lines_open_what_they_need_and_keep_their_times(load):
    books = Ledger()
    legs = [
        {"account": "bank", "amount": str(10**37), "currency": "ETH", "scale": 18, "unbounded": True, "type": "equity"},
        {"account": "did:web:a", "amount": str(-(10**37)), "currency": "ETH", "scale": 18, "bucket": "available"},
    ]
    one = {"entry": "a-1", "kind": "grant", "effective_at": "2020-02-29T12:00:00+02:00", "postings": legs}
    command = {
        "command": "transfer",
        "idempotency_key": "t-1",
        "args": {"from_account": "did:web:a", "to_account": "b"},
    }
    command["args"]["amount"] = 7
    other = {"command": "open_account", "idempotency_key": "o-1", "args": {"name": "b", "currency": "ETH"}}

    assert load(books, "jsonl", lines(one, other, command), open_accounts=True) == [3, 0, 2, 1]
    assert load(books, "jsonl", lines(one, other, command), open_accounts=True) == [0, 3, 0, 0]

    assert books.balance("did:web:a") == {"available": 10**37 - 7}
    assert Entry.objects.get(tenant=books.tenant, kind="grant").effective_at.isoformat() == "2020-02-29T10:00:00+00:00"


def test_an_error_on_line_n_imports_nothing_and_names_line_n(load):
    books = Ledger()
    books.open("alice")
    books.open("bank", unbounded=True)
    size = books.size()
    good = [entry(entry=f"e-{n}") for n in range(700)]
    unbalanced = entry(entry="bad", postings=[{"account": "bank", "amount": 1}, {"account": "alice", "amount": -2}])
    overdrawn = entry(
        entry="over", postings=[{"account": "bank", "amount": -(10**9)}, {"account": "alice", "amount": 10**9}]
    )

    told, error = load(books, "jsonl", lines(*good[:600], unbalanced, *good[600:650], overdrawn, *good[650:]))

    assert [line.partition(" ")[0] for line in told] == ["file:601:", "file:652:"]
    assert "unbalanced_entry" in told[0]
    assert "insufficient_funds" in told[1]
    assert error == "wrong lines: 2; nothing was imported"
    assert books.size() == size

    told, error = load(books, "jsonl", lines(*good[:600], unbalanced), by_batch=True)
    assert (len(told), error) == (1, "wrong lines: 1; nothing of its batch was imported")
    assert books.balance("alice") == {"available": 500 * 30}
    assert load(books, "jsonl", lines(*good), by_batch=True) == [200, 500, 0, 0]
    assert books.balance("alice") == {"available": 700 * 30}


def test_every_malformed_line_is_named_before_anything_is_done(load):
    books = Ledger()
    books.open("alice", "bank")
    wrong = [
        b"{",
        b"[]",
        b'{"postings": {}}',
        b'{"postings": [], "surprise": 1}',
        b'{"postings": [{"account": 1}]}',
        b'{"command": "issue_api_key", "idempotency_key": "k", "args": {}}',
        b'{"command": "transfer", "args": {}}',
        b'{"entry": "\xff"}',
        lines(entry(effective_at="yesterday")).encode().strip(),
        lines(entry(postings=[{"account": "alice", "amount": 1.5}, {"account": "bank", "amount": -1}]))
        .encode()
        .strip(),
        lines(entry(postings=[{"account": "a", "amount": 1, "bucket": "held"}] * 2)).encode().strip(),
    ]
    size = books.size()

    told, error = load(books, "jsonl", b"\n".join([lines(entry()).encode().strip(), *wrong]), open_accounts=True)

    assert [line.split(":")[1] for line in told] == [str(n) for n in range(2, 13)]
    assert error == "wrong lines: 11; nothing was imported"
    assert books.size() == size


def test_lines_without_an_id_are_told_apart_by_what_they_say(load):
    books = Ledger()
    books.open("alice")
    books.open("bank", unbounded=True)

    assert load(books, "jsonl", lines(entry(), entry(), entry(description="x"))) == [3, 0, 0, 0]
    assert load(books, "jsonl", lines(entry(), entry(), entry(description="x"), entry())) == [1, 3, 0, 0]
    assert books.balance("alice") == {"available": 120}


def test_an_id_with_other_content_is_refused(load):
    books = Ledger()
    books.open("alice")
    books.open("bank", unbounded=True)
    load(books, "jsonl", lines(entry(entry="e-1")))

    told, _ = load(books, "jsonl", lines(entry(entry="e-1"), entry(entry="e-1", kind="other")))
    assert told[0].startswith("file:2: idempotency_key_reused")
    assert load(books, "jsonl", lines(entry(entry="e-1", kind="other")), source="elsewhere") == [1, 0, 0, 0]


def test_what_the_file_says_of_an_account_must_be_so(load):
    books = Ledger()
    books.open("alice", "bank")
    legs = [{"account": "bank", "amount": 1, "currency": "EUR"}, {"account": "alice", "amount": -1}]

    told, _ = load(books, "jsonl", lines(entry(), entry(postings=legs)), open_accounts=True)
    assert told == ["file:2: 'bank' is of currency CRD here, not EUR"]
    told, _ = load(books, "jsonl", lines(entry(postings=[{"account": n, "amount": 1} for n in ("alice", "new")])))
    assert told == ["file:1: there is no account 'new'; --open-accounts opens it"]


def test_a_dry_run_keeps_nothing(load):
    books = Ledger(currency=None)

    assert load(books, "mesh", MESH, currency="CRD", open_accounts=True, dry_run=True) == [2, 0, 3, 1]
    assert books.size() == (0, 0)
    assert load(books, "mesh", MESH, currency="CRD", open_accounts=True) == [2, 0, 3, 1]


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_what_was_exported_can_be_imported_elsewhere(load, tmp_path, format):
    """The same balances, account types, decimals and times; and exported again, the same entries."""
    books, copy = Ledger(), Ledger(currency=None)
    books.open("alice", 'Bob; "B", =1', funded=100)
    books.open("cash", type="asset", unbounded=True)
    books.run("register_currency", code="WEI", scale=18)
    books.open("whale", currency="WEI")
    books.run("mint", account="whale", amount=10**37)
    moved = {"effective_at": "1999-12-31T23:59:59.999999Z", "job_id": "j,1", "metadata": {"n": 1, "ok": True}}
    paid = books.run(
        "transfer", from_account="alice", to_account='Bob; "B", =1', amount=7, description='"a"\\', **moved
    )
    books.run("reverse_entry", entry="ent_" + paid.document["id"][4:])
    file = tmp_path / "books"
    slug = Tenant.objects.get(pk=books.tenant).slug
    call_command("export_books", format=format, tenant=slug, output=file)

    # A mint is dated when it was made, after a transfer that says it was in 1999: so the file is sorted by the ids.
    assert load(copy, format, by_id(file, format), open_accounts=True) == [5, 0, 5, 2]

    assert {name: each for name, each in copy.balances().items() if each} == {
        name: each for name, each in books.balances().items() if each
    }
    times = Entry.objects.filter(tenant=books.tenant).order_by("id").values_list("effective_at", "kind", "metadata")
    assert list(
        Entry.objects.filter(tenant=copy.tenant).order_by("id").values_list("effective_at", "kind", "metadata")
    ) == list(times)


def by_id(file: Path, format: str) -> str:
    text = file.read_text("utf-8")
    if format == "jsonl":
        return "".join(sorted(text.splitlines(keepends=True), key=lambda line: json.loads(line)["entry"]))
    head, *rows = csv.reader(io.StringIO(text))
    out = io.StringIO()
    csv.writer(out).writerows([head, *sorted(rows, key=lambda row: row[0])])
    return out.getvalue()


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("account,amount\n", 1, "the columns are entry, account, amount"),
        ("entry,account,amount,colour\n", 1, "the columns are"),
        ("entry,account,amount\ne-1,bank,1\ne-1,alice\n", 3, "too few or too many cells"),
        ("entry,account,amount\ne-1,bank,1\ne-1,alice,1.5\n", 2, "postings[1].amount"),
        ("entry,account,amount\ne-1,bank,1\n,alice,-1\n", 3, "lacks one of"),
        ("entry,account,amount,kind\ne-1,bank,1,a\ne-1,alice,-1,b\n", 3, "says something else of its entry"),
        ("entry,account,amount,scale\ne-1,bank,1,two\n", 2, "scale"),
        ("entry,account,amount,references\ne-1,bank,1,{\n", 2, "references: not JSON"),
        ('entry,account,amount\n"e-1\n', 2, "unexpected end of data"),
    ],
)
def test_what_is_wrong_with_a_csv_is_named_by_its_line(load, text, line, reason):
    books = Ledger()
    books.open("alice", "bank")
    size = books.size()

    told, _ = load(books, "csv", text)

    assert told[0].startswith(f"file:{line}: ")
    assert reason in told[0]
    assert books.size() == size


def test_who_imported_stands_in_the_log(load):
    books = Ledger()
    books.open("alice")
    books.open("bank", unbounded=True)
    load(books, "jsonl", lines(entry(entry="e-1"), entry(entry="e" * 300)))

    events = Event.objects.filter(tenant=books.tenant, actor="task:import_journal").order_by("id")
    short, long = (event.idempotency_key for event in events)
    assert short == "system:import:jsonl:e-1"
    assert long == "system:import:jsonl:" + sha256(b"e" * 300).hexdigest()
