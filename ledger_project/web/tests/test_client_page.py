"""What the Python client knows of the ledger is what the description says."""

import ast
import json
from pathlib import Path

from ledger_client._schema import AMOUNTS, COMMANDS
from ledger_client.amounts import exact

from ledger_project.log.command import COMMANDS as DECLARED
from ledger_project.testing.ledger import Ledger
from ledger_project.web.api import client_page, openapi

ROOT = Path(__file__).resolve().parents[3]


def test_the_clients_table_is_what_the_description_says() -> None:
    """Write it anew with `python manage.py describe_client > client/src/ledger_client/_schema.py`."""
    assert (ROOT / "client/src/ledger_client/_schema.py").read_text("utf-8") == client_page.page()


def test_every_command_of_callers_is_in_it_with_all_its_arguments() -> None:
    callers = {name: command for name, command in DECLARED.items() if not command.internal}
    assert {name: [each[0] for each in arguments] for name, (_, arguments) in COMMANDS.items()} == {
        name: list(command.fields) for name, command in callers.items()
    }


# Decimals of agents' platforms and of x402; where in a file or a feed an amount stands; and what a proposal posted.
OTHERS = ("/x402/", "/v1/external-statements", "/v1/reserves/assets", "Agent", "ChainDeposit", "Adjustment")


def test_a_name_is_an_amounts_everywhere_or_nowhere() -> None:
    """The client converts by name: text that is no amount has no name of one."""
    document = json.loads(openapi.document())
    described = {**document["paths"], **document["components"]["schemas"]}
    texts = {
        (place, name)
        for place, schema in described.items()
        for name, each in client_page._properties(schema)
        if name in AMOUNTS
        and not place.startswith(OTHERS)
        and each.get("type") in ("string", ["string", "null"])
        and not each.get("format")
    }
    assert texts == set()


def test_amounts_of_every_answer_reach_the_user_as_integers(ledger: Ledger) -> None:
    ledger.open("alice", "shop", funded=100)
    answers = [
        ledger.answer("issue_session_key", account="alice", max_total=50),
        ledger.answer("place_hold", account="alice", amount=10),
        ledger.answer("spend", account="alice", to_account="shop", amount=5),
        ledger.answer("record_deposit", account="alice", amount=7, source="bank", external_ref="r1", confirmed=False),
    ]

    session_key, hold, spent, deposit = map(exact, answers)

    assert (session_key["session_key"]["max_total"], session_key["session_key"]["spent_day"]) == (50, 0)
    assert (hold["hold"]["overcaptured"], hold["hold"]["remaining"]) == (0, 10)
    assert deposit["deposit"]["pending"] == 7
    assert {type(posting["amount"]) for posting in spent["entry"]["postings"]} == {int}


def test_what_refusals_tell_of_amounts_is_described() -> None:
    """Facts that are written as `name=str(amount)` where a refusal is raised."""
    told = set()
    for path in ROOT.glob("*/**/*.py"):
        if {".venv", "tests", "migrations", "client", "bench"} & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                told |= {word.arg for word in node.exc.keywords if _is_amount(word.value)}

    assert told - {"reason", "attestation"} <= set(openapi.FACTS) | AMOUNTS


def _is_amount(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "str"
