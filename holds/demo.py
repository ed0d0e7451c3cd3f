"""The demo tenant: living books for whoever starts the ledger for the first time.

Everything is posted by commands with fixed keys, so seeding again changes nothing.
"""

import json
import os
import random
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.module_loading import import_string

from accounts.credentials import NewKey, find
from accounts.models import Tenant
from holds.traces import Usage
from holds.usage import Plan, charge
from ledger_project.kernel.errors import Refusal
from ledger_project.log.executor import run
from ledger_project.web.api.authentication import digest_of

SLUG = "demo"
REQUESTS = 400
AGENTS = 12
MONTH = datetime(2026, 11, 1, 8, tzinfo=UTC)


def seed(credentials: Path) -> dict[str, str]:
    """Make sure that the demo tenant, its books, an admin login and an API key exist.

    The login and the key are kept in `credentials` (mode 0600), because the database has only their hashes.
    """
    tenant, _ = Tenant.objects.get_or_create(slug=SLUG, defaults={"name": "Demo"})
    known = json.loads(credentials.read_text("utf-8")) if credentials.exists() else {}
    if not _key_works(known.get("api_key")):
        known["api_key"] = _issue_key(tenant)
    known |= _admin(known)
    _write(credentials, known)
    for name in settings.DEMO_STORIES:
        import_string(name)(tenant.pk)
    return {name: known[name] for name in ("api_key", "admin_user", "admin_password")}


def _key_works(token: str | None) -> bool:
    _, prefix, secret = (token or "__").split("_")
    return find(prefix, digest_of(secret)) is not None


def _issue_key(tenant: Tenant) -> str:
    made = NewKey.make()
    run(
        tenant.pk,
        "issue_api_key",
        key=f"demo:key:{made.prefix}",
        actor="system:seed_demo",
        name="demo",
        scopes=["*"],
        prefix=made.prefix,
        digest=made.digest,
    )
    return made.token


def _admin(known: dict[str, Any]) -> dict[str, str]:
    """The superuser `admin`; a password that somebody has changed since is not touched."""
    user = User.objects.filter(username="admin").first()
    if user is not None:
        return {"admin_user": "admin", "admin_password": known.get("admin_password", "(set by its owner)")}
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser("admin", password=password)
    return {"admin_user": "admin", "admin_password": password}


def _write(path: Path, document: dict[str, Any]) -> None:
    beside = path.with_suffix(".new")
    with os.fdopen(os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        json.dump(document, file)
    beside.replace(path)


def stories(tenant: int) -> None:
    """Agents who use a model and are charged for it, and a few people."""
    plan = Plan(
        tenant=tenant,
        currency="CRD",
        provider="provider:llm",
        agents=AGENTS,
        fund=2_000_000,
        price_in=3,
        price_out=15,
        mode="hold",
        max_output=600,
    )
    for _ in charge(plan, generated_trace()):
        pass
    for step, (command, arguments) in enumerate(STORIES):
        try:
            run(tenant, command, key=f"demo:story:{step}", actor="system:seed_demo", **arguments)
        except Refusal as refusal:
            # Somebody has used the demo since: their books are theirs.
            if refusal.status not in (402, 404, 409, 422):
                raise


def generated_trace() -> Iterator[Usage]:
    """A small trace that is the same every time: bursts of requests over some days of one month."""
    chance = random.Random(20261101)  # noqa: S311  (a story, not a secret)
    at = MONTH
    for line in range(2, REQUESTS + 2):
        at += timedelta(seconds=chance.expovariate(1 / 1800))
        context = int(chance.lognormvariate(7, 1)) + 1
        generated = int(chance.lognormvariate(4.5, 0.8)) + 1
        yield Usage(line, f"demo-{line:05d}", at, context, generated)


STORIES: list[tuple[str, dict[str, Any]]] = [
    ("register_currency", {"code": "USDC", "scale": 6, "name": "USD Coin"}),
    ("set_agent_currency", {"currency": "USDC"}),
    *[
        (
            "record_deposit",
            {
                "account": f"0x{agent:040x}",
                "amount": amount,
                "source": "chain",
                "external_ref": f"0x{agent:064x}",
                "open_account": True,
                "currency": "USDC",
            },
        )
        for agent, amount in ((0xA11CE, 10_500_000), (0xB0B, 42_000_000))
    ],
    ("ensure_account", {"account": "did:web:alice.example", "currency": "CRD", "initial_balance": 50_000}),
    ("ensure_account", {"account": "did:web:bob.example", "currency": "CRD", "initial_balance": 20_000}),
    ("ensure_account", {"account": "merchant:translator", "currency": "CRD"}),
    (
        "transfer",
        {
            "from_account": "did:web:alice.example",
            "to_account": "did:web:bob.example",
            "amount": 1_500,
            "job_id": "job_123",
            "description": "Summarise three papers",
        },
    ),
]
