"""beancount and hledger agree with the ledger, to the last of 38 digits and whatever an account is called."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from decimal import Decimal, localcontext
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Tenant
from accounts.rows import BUCKETS
from journal.exports import names
from journal.exports.formats import FORMATS, chunks
from journal.exports.reading import Period
from journal.exports.snapshot import snapshot
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
BEAN_CHECK = Path(sys.executable).with_name("bean-check")
HUGE = 10**37 + 12345678901234567890123456789
needs_hledger = pytest.mark.skipif(
    not shutil.which("hledger") and not os.environ.get("CI"), reason="hledger is not installed"
)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PROJECT / "client/src")}  # as if ledger-client were installed


@pytest.fixture(scope="module")
def odd() -> Ledger:
    """Odd names, a token of 18 decimals with 38 digits, every bucket, and effective dates of long ago and far ahead."""
    books = Ledger()
    books.open("alice", "alice:held", 'Bob; "B" (x)  | =1+1', "did:web:a.example", "日本 é", funded=1000)
    books.run("register_currency", code="1WEI", scale=18)
    books.open("whale", "Minnow", "shrimp", currency="1WEI")
    books.open("cash", type="asset", unbounded=True, currency="CRD")
    books.run("mint", account="whale", amount=HUGE * 3)
    far, past = "9999-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z"
    legs = [("whale", HUGE), ("Minnow", 1 - HUGE), ("shrimp", -1)]
    books.run("post_entry", postings=[{"account": name, "amount": str(amount)} for name, amount in legs])
    books.run(
        "transfer", from_account="alice", to_account="日本 é", amount=7, effective_at=far, description='"; \\ a:b'
    )
    books.run("transfer", from_account="alice", to_account="alice:held", amount=9, effective_at=past, job_id="j,1;x:y")
    hold = books.answer("place_hold", account="alice", amount=50, to_account="did:web:a.example")["hold"]["id"]
    books.run("capture_hold", hold=hold, amount=20, final=False)
    books.run("lock_escrow", buyer="alice", seller="日本 é", amount=40, reference="o-1")
    books.run("lock_stake", account="alice", amount=11)
    books.run("promo_mint", account="alice", amount=5)
    books.run("charge_fee", account="alice", amount=3)
    books.run("set_credit_limit", account="did:web:a.example", credit_limit=100)
    books.run("draw_credit", account="did:web:a.example", amount=60)
    return books


def export(books: Ledger, name: str, file: Path, **period: str) -> Path:
    slug = Tenant.objects.get(pk=books.tenant).slug
    call_command("export_books", format=name, tenant=slug, output=file, **period)
    return file


def ours(books: Ledger, account_of, currency_of) -> dict[str, str]:
    """What the ledger has, as the tool names it: positive is debit there."""
    rows = books.balances()
    facts = {account.name: account for account in books_accounts(books)}
    found = {}
    for name, buckets in rows.items():
        account = facts[name]
        for label, amount in buckets.items():
            debit = (account.type in {"asset", "expense"}) != (label == "credit_used")
            path = account_of(account.type, name, BUCKETS[label])
            found[path, currency_of(account.currency)] = (amount if debit else -amount, account.scale)
    with localcontext(prec=100):
        return {key: Decimal(amount).scaleb(-scale) for key, (amount, scale) in found.items()}


def books_accounts(books: Ledger):
    return Tenant.objects.get(pk=books.tenant).accounts.all()


def tool(*words: object, fails: bool = False) -> str:
    done = subprocess.run(list(map(str, words)), env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done.stdout + done.stderr


# As a program of its own: the plugin changes how the process computes.
SUMS = """
import json, sys
from beancount import loader
from beancount.core.data import Transaction
entries, errors, _ = loader.load_file(sys.argv[1])
sums = {}
for entry in entries:
    for posting in entry.postings if isinstance(entry, Transaction) else ():
        key = posting.account + " " + posting.units.currency
        sums[key] = sums.get(key, 0) + posting.units.number
print(json.dumps({key: str(value) for key, value in sums.items() if value}))
print(len(errors), file=sys.stderr)
"""


def beancount_balances(file: Path) -> dict[tuple[str, str], Decimal]:
    done = subprocess.run(
        [sys.executable, "-c", SUMS, str(file)], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return {tuple(key.split(" ")): Decimal(value) for key, value in json.loads(done.stdout).items()}


def hledger_balances(file: Path) -> dict[tuple[str, str], Decimal]:
    shown = tool("hledger", "-f", file, "balance", "--flat", "--no-total", "-O", "csv", "--layout=bare")
    rows = csv.DictReader(io.StringIO(shown))
    return {(row["account"], f'"{row["commodity"].strip(chr(34))}"'): Decimal(row["balance"]) for row in rows}


def test_beancount_accepts_the_books_and_has_the_same_balances(odd, tmp_path):
    file = export(odd, "beancount", tmp_path / "books.beancount")

    tool(BEAN_CHECK, "--no-cache", file)
    assert beancount_balances(file) == ours(odd, names.beancount_account, names.beancount_currency)
    assert 'plugin "ledger_client.beancount_exact"' in file.read_text("utf-8")


@needs_hledger
def test_hledger_accepts_the_books_and_has_the_same_balances(odd, tmp_path):
    file = export(odd, "hledger", tmp_path / "books.journal")

    tool("hledger", "-f", file, "check")
    tool("hledger", "-f", file, "check", "--strict", "ordereddates")
    assert hledger_balances(file) == ours(odd, names.hledger_account, names.hledger_currency)


@needs_hledger
def test_one_unit_more_is_found_by_both(odd, tmp_path):
    """The balances at the end of an export are the ledger's own, so the tools check them against the postings."""
    for name, words in (("beancount", (BEAN_CHECK, "--no-cache")), ("hledger", ("hledger", "check", "-f"))):
        file = export(odd, name, tmp_path / name)
        text = file.read_text("utf-8")
        body, _, end = text.rpartition(str(HUGE * 2)[:20])  # the whale's, in the last lines
        assert end
        changed = f"{body}{int(str(HUGE * 2)[:20]) + 1}{end}"
        file.write_text(changed, "utf-8")

        tool(*words, file, fails=True)


@needs_hledger
def test_a_period_begins_with_what_there_was(tmp_path):
    books = Ledger()
    books.open("alice")
    books.open("bank", unbounded=True)
    for month, amount in ((9, 100), (10, 30), (11, 7)):
        legs = [{"account": "bank", "amount": amount}, {"account": "alice", "amount": -amount}]
        books.run("post_entry", postings=legs, effective_at=f"2026-{month:02}-15T12:00:00Z")

    bean = export(books, "beancount", tmp_path / "a.beancount", period="2026-10")
    journal = export(books, "hledger", tmp_path / "a.journal", period="2026-10")

    tool(BEAN_CHECK, "--no-cache", bean)
    tool("hledger", "check", "--strict", "-f", journal)
    assert beancount_balances(bean)["Liabilities:Alice:Available", "CRD"] == -130
    assert bean.read_text().count(' * "') == 2  # the opening and October's
    assert "2026-11-01 balance Liabilities:Alice:Available  -130 ~ 0 CRD" in bean.read_text()
    rows = list(csv.DictReader(io.StringIO(export(books, "csv", tmp_path / "a.csv", period="2026-10").read_text())))
    assert [(row["account"], row["amount"]) for row in rows] == [("alice", "-30"), ("bank", "30")]


def test_csv_and_json_lines_have_every_posting(odd, tmp_path):
    rows = list(csv.DictReader(io.StringIO(export(odd, "csv", tmp_path / "a.csv").read_text("utf-8"))))
    lines = [json.loads(line) for line in export(odd, "jsonl", tmp_path / "a.jsonl").read_text("utf-8").splitlines()]

    assert len(rows) == odd.size()[1]
    told = [(line["entry"], posting["account"], posting["amount"]) for line in lines for posting in line["postings"]]
    assert [(row["entry"], row["account"], row["amount"]) for row in rows] == told
    assert {row["value"] for row in rows if row["account"] == "shrimp"} == {"-0.000000000000000001"}


def test_an_export_is_of_one_moment(tmp_path):
    books = Ledger()
    books.open("alice", "shop", funded=100)
    with snapshot() as moment:
        lines = FORMATS["beancount"].lines(moment, books.tenant, "Books", Period())
        told = [next(lines)]
        books.run("transfer", from_account="alice", to_account="shop", amount=60)
        told += lines
    file = tmp_path / "books.beancount"
    file.write_text("".join(told), "utf-8")

    tool(BEAN_CHECK, "--no-cache", file)
    assert beancount_balances(file)["Liabilities:Alice:Available", "CRD"] == -100
    assert books.balance("alice") == {"available": 40}


def test_memory_is_flat():
    """Three batches of rows more, and no more memory for them."""
    books = Ledger()
    books.open("alice", funded=10**9)
    books.open("shop")
    peaks = []
    for times in (2, 3):
        for _ in range(times):
            pay = [books.call("transfer", from_account="alice", to_account="shop", amount=1) for _ in range(1000)]
            books.execute(*pay)
        tracemalloc.start()
        size = sum(len(piece) for piece in chunks("hledger", books.tenant, Period()))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert size > 900_000
    assert peaks[1] < peaks[0] + 300_000


@pytest.mark.parametrize("text", ["", "2026-13", "2026-10-32", "26", "0000", "2026-1", "9999", "1969", "\uff12026"])
def test_what_is_no_period_is_refused(text):
    with pytest.raises(InvalidRequest):
        Period.named(text)


def test_periods_end_where_the_next_begins():
    assert Period.named("2026-12").until == Period.named("2027-01").since == Period.named("2027").since
    assert Period.named("2028-02-29").until == Period.named("2028-03-01").since


def test_the_command_refuses_in_words(tmp_path):
    with pytest.raises(CommandError, match="there is no tenant 'nobody'"):
        call_command("export_books", format="csv", tenant="nobody")
