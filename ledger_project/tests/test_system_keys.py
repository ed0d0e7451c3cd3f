"""The ledger's own calls have keys that no caller can spend first, whatever day, monitor or payment they are about."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from journal.models import IssuedStatement, ReconciliationRun
from journal.reconciliation import running
from journal.statements import issuing
from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.log.models import Event
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger

PROJECT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "journal", "holds", "reserves", "ledger_project")


@pytest.mark.parametrize("key", ["system:", "system:reconciliation:2026-12-01", "system:x402:acc_1:n"])
def test_callers_are_refused_them_by_every_door(ledger: Ledger, key: str) -> None:
    ledger.open("alice", "bob", funded=10)
    caller = Api(ledger)
    paid = {"from_account": "alice", "to_account": "bob", "amount": 1}
    command = {"command": "transfer", "idempotency_key": key, "args": paid}

    refused(caller.post("/v1/transfers", paid, key=key), 422, "reserved_idempotency_key")
    refused(caller.post("/v1/transfers?dry_run=true", paid, key=key), 422, "reserved_idempotency_key")
    refused(caller.post("/v1/attestations", {}, key=key), 422, "reserved_idempotency_key")
    deposit = {"agentAddress": "alice", "amount": "1", "txHash": "0x1"}
    refused(caller.post("/v1/admin/deposits", deposit, key=key), 422, "reserved_idempotency_key")
    [result] = caller.post("/v1/bulk", {"commands": [command], "atomic": False}).json()["results"]
    assert result["problem"]["code"] == "reserved_idempotency_key"
    assert ledger.balance("bob") == {"available": 10}


def test_the_nightly_run_is_not_stopped_by_a_key_that_was_spent_before() -> None:
    """Mallory spends the keys that today's reconciliation and statements had, and those they seem to have now."""
    with clock.stopped(datetime(2026, 8, 3, tzinfo=UTC)):
        ledger = Ledger()
        ledger.open("alice", funded=10)
    account = ledger.run("freeze_account", account="alice").document["result"]["account"]["id"]
    ledger.run("unfreeze_account", account="alice")
    caller = Api(ledger)
    day = clock.now()
    for spent in (f"reconciliation:{day:%Y-%m-%d}", f"statement:{account}:2026-08-01T00:00:00.000000Z"):
        assert caller.post("/v1/burns", {"account": "alice", "amount": 1}, key=spent).status_code == 201
    sealing.seal()

    running.request_all(day)
    issuing.issue_due(day, ledger.tenant)

    assert ReconciliationRun.objects.filter(tenant=ledger.tenant).exists()
    assert IssuedStatement.objects.filter(account=account.replace("acc_", "")).count() >= 1
    own = Event.objects.filter(tenant=ledger.tenant, actor__startswith="system:")
    assert {event.idempotency_key.partition(":")[0] for event in own} == {"system"}


def test_what_the_ledger_sends_has_a_key_of_its_own() -> None:
    """Its callers are made where the key is: in the executor, and where a file brings its own keys or a key is made."""
    makers = {
        str(path.relative_to(PROJECT))
        for app in APPS
        for path in (PROJECT / app).rglob("*.py")
        if "tests" not in path.parts and re.search(r"Caller\.system\(", path.read_text())
    }
    assert makers == {
        "journal/imports/loading.py",
        "ledger_project/log/executor.py",
        "ledger_project/testing/ledger.py",
        "reserves/demo.py",
        "reserves/management/commands/attest.py",
        "reserves/tasks.py",
        "ledger_project/usage/simulation.py",
    }
    keyless = {"journal/imports/loading.py", "ledger_project/testing/ledger.py", "ledger_project/usage/simulation.py"}
    for maker in makers - keyless:
        assert "system_key(" in (PROJECT / maker).read_text(), maker
