"""manage.py charge_usage: what a trace's rows are, which of them are none, and what they cost."""

import gzip
import json
from fractions import Fraction
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account, Tenant
from holds.traces import BadRow, Usage, open_trace
from ledger_project.kernel import clock
from ledger_project.testing.ledger import Ledger

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
ROW = "2026-10-05 12:00:02,100,10\n"


def read(path: Path, **options: Any) -> list[Usage | BadRow]:
    return list(open_trace(path, **options))


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "trace.csv"


def charge(ledger: Ledger, path: Path, *words: str) -> dict[str, Any]:
    told = StringIO()
    slug = Tenant.objects.get(pk=ledger.tenant).slug
    call_command("charge_usage", str(path), "--tenant", slug, "--agents", "1", "--json", *words, stdout=told)
    report: dict[str, Any] = json.loads(told.getvalue())
    return report


def test_a_byte_order_mark_and_gzip_are_read(trace: Path) -> None:
    trace.write_text(HEADER + ROW)
    [plain] = read(trace)
    trace.write_text("\ufeff" + HEADER + ROW)
    assert read(trace) == [plain]
    packed = trace.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress((HEADER + ROW).encode()))
    assert read(packed) == [plain]
    packed.write_bytes(gzip.compress((HEADER + ROW * 999).encode())[:-40])
    with pytest.raises(ValueError, match="cut or broken"):
        read(packed)


def test_one_stray_quote_spoils_one_row(trace: Path) -> None:
    rows = [f"2026-10-05 12:00:{n:02},100,10\n" for n in range(50)]
    rows[7] = '2026-10-05 12:00:07,"100,10\n'
    trace.write_text(HEADER + "".join(rows))

    found = read(trace)

    assert [row.line for row in found if isinstance(row, BadRow)] == [9]
    assert sum(isinstance(row, Usage) for row in found) == 49


@pytest.mark.parametrize(
    "row", ["yesterday,1,1", "2026-10-05 12:00:02,1.5,1", "2026-10-05 12:00:02,-1,1", "2026-10-05,1", "0001-01-01,1,1",
            "9999-01-01,1,1", "2026-10-05 12:00:02,9999999999999,1"]
)  # fmt: skip
def test_what_cannot_be_is_a_bad_row(trace: Path, row: str) -> None:
    trace.write_text(f"{HEADER}{row}\n{ROW}")

    bad, good = read(trace)

    assert isinstance(bad, BadRow)
    assert isinstance(good, Usage)


def test_columns_have_the_names_that_are_said(trace: Path) -> None:
    trace.write_text("who,ts,in,out,model\nada,2026-10-05 12:00:02,100,10,gpt\nada,2026-10-05 12:00:03,100,10,\n")
    columns = {"time": "ts", "input": "in", "output": "out", "model": "model", "user": "who"}

    good, bad = read(trace, columns=columns)

    assert isinstance(good, Usage)
    assert (good.user, good.model, good.context) == ("ada", "gpt", 100)
    assert isinstance(bad, BadRow)
    lines = trace.with_suffix(".jsonl")
    lines.write_text('{"ts": "2026-10-05T12:00:02Z", "in": 100, "out": 10}\n\n{"ts": 1}\nnot json\n')
    found = read(lines, columns={name: columns[name] for name in ("time", "input", "output")})
    assert [type(row) for row in found] == [Usage, BadRow, BadRow]


def test_nothing_is_opened_before_the_header_is_known_to_be_good(ledger: Ledger, trace: Path) -> None:
    trace.write_text("TIMESTAMP,Tokens\n2026-10-05 12:00:02,100\n")

    with pytest.raises(CommandError, match="has no column ContextTokens"):
        charge(ledger, trace)

    assert not Account.objects.filter(tenant=ledger.tenant).exists()


def test_a_row_of_somebody_who_cannot_be_stops_no_other(ledger: Ledger, trace: Path) -> None:
    who = ["a/b", "platform:of:mine", "ada"]
    trace.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens,who\n" + "".join(f"{ROW.strip()},{each}\n" for each in who)
    )

    report = charge(ledger, trace, "--columns", "user=who", "--mode", "transfer")

    assert [bad["line"] for bad in report["bad_rows"]] == [2]
    assert (report["refused"], report["charged_requests"]) == ({"account_not_found": 1}, 1)


def test_the_same_row_of_two_sources_is_two_requests(ledger: Ledger, trace: Path) -> None:
    trace.write_text(HEADER + ROW)

    first = charge(ledger, trace, "--mode", "transfer", "--source", "eu")
    again = charge(ledger, trace, "--mode", "transfer", "--source", "eu")
    other = charge(ledger, trace, "--mode", "transfer", "--source", "us")

    assert [each["charged"] for each in (first, again, other)] == ["450", "0", "450"]
    assert again["already_charged"] == 1


@pytest.mark.parametrize("mode", ["hold", "transfer"])
def test_a_row_that_costs_more_than_money_can_be_is_bad_in_every_mode(ledger: Ledger, trace: Path, mode: str) -> None:
    trace.write_text(HEADER + ROW)

    report = charge(ledger, trace, "--mode", mode, "--price-in", "9" * 37)

    assert [bad["line"] for bad in report["bad_rows"]] == [2]


def test_with_a_book_a_trace_is_usage_charged_to_the_last_fraction(ledger: Ledger, trace: Path) -> None:
    ledger.open("someone")
    rates = [{"model": "*", "metric": name, "price": "0.0003"} for name in ("input_tokens", "output_tokens")]
    ledger.run("publish_prices", book="llm", rates=rates, effective_at="2026-01-01T00:00:00Z")
    now = clock.now()
    stamps = [f"{now:%Y-%m-%d %H:%M}:{n:02}" for n in range(40)]
    trace.write_text(HEADER + "".join(f"{stamp},{1000 + n},{n}\n" for n, stamp in enumerate(stamps)))

    report = charge(ledger, trace, "--book", "llm", "--source", "eu")
    again = charge(ledger, trace, "--book", "llm", "--source", "eu")

    exact = sum(Fraction(3, 10_000) * (1000 + 2 * n) for n in range(40))
    assert (report["charged"], report["charged_requests"]) == (str(int(exact)), 40)
    assert (again["charged"], again["already_charged"]) == ("0", 40)
    trace.write_text(HEADER + "2020-01-01 00:00:00,10000,0\n")
    assert charge(ledger, trace, "--book", "llm")["refused"] == {"usage_too_old": 1}
    assert charge(ledger, trace, "--book", "llm", "--as-of-now")["charged_requests"] == 1
