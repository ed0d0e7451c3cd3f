"""What reaches out of the machine stands behind the fence: every scheduled task says so, and so does every client."""

import ast
from pathlib import Path

from django.conf import settings

from ledger_project.celery import app
from ledger_project.tests.test_architecture import imports, module_of, sources

# The scheduled tasks that are no copy's fault, and why.
INWARD = {
    "holds.expiry.expire_due": "posts",
    "accounts.tasks.alert_budgets": "posts",
    "holds.tasks.request_topups": "posts",
    "journal.tasks.expire_promos": "posts",
    "journal.tasks.watch_balances": "posts",
    "journal.tasks.issue_statements": "posts",
    "journal.tasks.request_reconciliations": "posts",
    "journal.tasks.reconcile": "reads and posts; its mail has a gate of its own",
    "ledger_project.webhooks.tasks.prune_webhooks": "forgets",
    "ledger_project.log.tasks.verify_log": "reads",
    "ledger_project.log.tasks.anchor": "anchors.deliver has the gate, for whoever calls it",
}
# The modules that have a client of something outside, and behind which gate.
CLIENTS = {
    "httpx2": {
        "holds.executors": "pay_withdrawals",
        "ledger_project.log.sinks": "anchors.deliver",
        "ledger_project.outbound.transport": "deliver_webhooks and read_reserves",
    },
    "django.core.mail": {"journal.reconciliation.notify": "_mail"},
}


def test_every_scheduled_task_says_whether_it_reaches_out() -> None:
    app.loader.import_default_modules()
    scheduled = {each["task"] for each in settings.CELERY_BEAT_SCHEDULE.values()}
    outward = {name for name in scheduled if getattr(app.tasks[name].run, "outward", False)}

    assert (scheduled - outward) | settings.TIMED.keys() == INWARD.keys()


def test_every_client_is_behind_a_gate() -> None:
    found: dict[str, set[str]] = {client: set() for client in CLIENTS}
    for path in sources():
        for _, name in imports(ast.parse(Path(path).read_text("utf-8"))):
            for client in CLIENTS:
                if name == client or name.startswith(f"{client}."):
                    found[client].add(module_of(path))
    found["httpx2"].remove("ledger_client.client")  # which is another program

    assert found == {client: set(modules) for client, modules in CLIENTS.items()}
