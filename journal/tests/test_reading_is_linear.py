"""Twice as much to read takes twice as long, whatever it is; and nobody else waits while it is read.

Measured is how the processor time grows, and where the reading happens, never how long it takes here and now.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from journal.external import formats
from journal.external.errors import MalformedStatement
from journal.external.statement import MAX_LINES, MAX_MEMBERS
from journal.external.tests.story import Bank
from journal.imports import mesh
from ledger_project.kernel import ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.log.executor import Done, execute
from ledger_project.testing.api import Api, refused
from ledger_project.testing.growth import LINEAR, growth
from ledger_project.testing.ledger import Ledger
from ledger_project.web.api.parsing import parse_object

pytestmark = pytest.mark.slow

HEADER = "date,amount,reference,description\n"


@pytest.fixture
def bank(ledger: Ledger) -> Bank:
    return Bank(ledger)


# Bodies of requests


def repeated(count: int) -> bytes:
    names = [*(f'"k{n}":1' for n in range(count)), f'"k{count - 1}":2']
    return b"{" + ",".join(names).encode() + b"}"


def test_a_member_that_is_there_twice_is_found_in_one_pass(api: Api) -> None:
    def read(body: bytes) -> None:
        with pytest.raises(InvalidRequest) as error:
            parse_object(body)
        assert error.value.facts["reason"] == "given twice"

    assert growth(read, repeated, 2000) < LINEAR
    problem = refused(api.post("/v1/bulk", repeated(32_000)), 422, "invalid_request")
    assert (problem["field"], problem["reason"]) == ("k31999", "given twice")


# Files


def of_members(count: int) -> str:
    return json.dumps([{"date": "2026-10-01", "amount": "1", **{f"k{n}": 1 for n in range(count)}}])


def of_columns(count: int) -> str:
    return f"date,amount,{','.join(f'k{n}' for n in range(count))}\n2026-10-01,1{',1' * count}\n"


def of_pieces(count: int) -> str:
    """A text that a comment splits again and again."""
    return f"<Document>{'a' * 32}{('<!-- -->' + 'a' * 32) * count}</Document>"


def of_transactions(count: int) -> str:
    return "<STMTRS><CURDEF>EUR" + "<STMTTRN><DTPOSTED>20261001<TRNAMT>1<FITID>1<NAME>x</STMTTRN>\n" * count


def of_tags(count: int) -> str:
    return "<STMTRS>" + "<!\t" * count + "<A.B" * count + "<STMTTRN>" + "<NAME>x" * count


FILES = {
    "json": ("json", of_members, 1000),
    "csv": ("csv", of_columns, 1000),
    "camt053": ("camt053", of_pieces, 20_000),
    "ofx": ("ofx", of_transactions, 1000),
    "ofx tags": ("ofx", of_tags, 5000),
    "csv lines": ("csv", lambda count: HEADER + "2026-10-01,1,a,b\n" * count, 1000),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_costs_what_it_is_long(name: str) -> None:
    format, make, size = FILES[name]

    assert growth(lambda content: formats.read(content, format=format, mapping={}), make, size) < LINEAR


def test_what_is_too_much_is_refused_where_it_begins_to_be() -> None:
    def told(content: str, format: str) -> dict[str, Any]:
        with pytest.raises(MalformedStatement) as error:
            formats.read(content, format=format, mapping={}).of(2, "EUR")
        return error.value.facts

    assert told(of_columns(MAX_MEMBERS), "csv")["reason"] == f"more than {MAX_MEMBERS} columns"
    assert f"more than {MAX_MEMBERS} members" in told(of_members(MAX_MEMBERS), "json")["reason"]
    assert told(HEADER + "2026-10-01,1,,\n" * MAX_LINES + "not a line", "csv")["line"] == MAX_LINES + 2
    assert told(HEADER + "2026-10-01,1,,\n" * (MAX_LINES + 1) + "not a line", "csv") == {
        "line": MAX_LINES + 1,
        "field": "lines",
        "reason": f"more than {MAX_LINES} lines; split the statement",
    }


def test_of_several_problems_the_first_in_the_file_is_told_whether_or_not_the_currency_decides_it() -> None:
    content = f"{HEADER}2026-10-01,1.00,,\n2026-10-02,1.005,,\n2026-10-03,x,,\n"
    read = formats.read(content, format="csv", mapping={})

    for scale, line in ((2, 3), (3, 4), (0, 3)):
        with pytest.raises(MalformedStatement) as error:
            read.of(scale, "EUR")
        assert error.value.facts["line"] == line


def test_accounts_of_an_import_are_looked_up_and_not_searched(tmp_path: Path) -> None:
    def make(count: int) -> Path:
        moment = "2026-10-01T00:00:00Z"
        accounts = {f"a{n}": {"balance": 0, "created_at": moment} for n in range(count)}
        last = f"a{count - 1}"
        about = {"timestamp": moment, "from_account": last, "to_account": last, "amount": 1}
        path = tmp_path / f"{count}.json"
        path.write_text(
            json.dumps({"accounts": accounts, "transfers": [{"id": str(n), **about} for n in range(count)]})
        )
        return path

    assert growth(lambda path: list(mesh.read_mesh(path, "CRD", 0)), make, 1500) < LINEAR


# The executor


def calls_below(folder: Path, work: Any) -> list[str]:
    """The functions of a folder that are called while `work` runs in this thread."""
    called: list[str] = []

    def note(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(folder)):
            called.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return called


def test_a_file_is_read_before_its_call_meets_others(bank: Bank) -> None:
    folder = Path(formats.__file__).parent
    given = {"account": "bank", "name": "october.csv", "format": "csv", "content": f"{HEADER}2026-10-01,7,,\n"}
    calls: list[Any] = []
    results: list[Any] = []

    read = calls_below(folder, lambda: calls.append(bank.ledger.call("upload_external_statement", **given)))
    executed = calls_below(folder, lambda: results.extend(execute(calls)))

    assert "read" in read
    assert executed == []
    assert results[0].document["result"]["external_statement"]["money_in"] == "7"


def test_what_is_wrong_with_a_file_is_told_in_its_place_among_the_refusals(bank: Bank) -> None:
    def upload(account: str, content: str) -> Any:
        call = bank.ledger.call("upload_external_statement", account=account, name="x", format="csv", content=content)
        return execute([call])[0]

    broken = f"{HEADER}2026-10-01,x,,\n"

    assert upload("nobody", broken).code == "account_not_found"
    assert upload("bank", broken).code == "malformed_statement"
    assert isinstance(upload("bank", f"{HEADER}2026-10-01,1,,\n"), Done)
    assert upload("bank", f"{HEADER}2026-10-01,1,,\n").code == "external_statement_exists"


def test_many_matches_of_one_batch_do_not_search_each_other(bank: Bank) -> None:
    each = 20
    content = HEADER + "".join(f"2026-10-01,{n + 1},,\n" for n in range(100 * each))
    done = bank.ledger.run("upload_external_statement", account="bank", name="x", format="csv", content=content)
    statement = done.document["result"]["external_statement"]["id"]

    def make(count: int) -> list[Any]:
        groups = [list(range(n * each + 1, (n + 1) * each + 1)) for n in range(count)]
        return [
            bank.ledger.call("resolve_external_items", external_statement=statement, reason="fees", lines=lines)
            for lines in groups
        ]

    assert growth(lambda calls: execute(calls, dry_run=True), make, 25) < LINEAR
    twice = [*make(2), *make(1)]
    results = execute(twice)
    assert [isinstance(result, Done) for result in results] == [True, True, False]
    assert (results[2].code, results[2].facts) == ("already_matched", {"line": 1})
    assert ids.read("xst", statement) is not None
