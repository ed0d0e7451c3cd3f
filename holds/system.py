"""Commands that the ledger gives to itself, each under a key made of what it is about.

So a sweeper that runs twice, or was killed after its commit, repeats a call and gets the first answer. A tenant may
have spent such a key on something else, by accident or to keep a hold from ending; then the call is made under a fresh
one, because it is the hold's own state that lets it end only once.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from ledger_project.kernel.errors import IdempotencyKeyReused
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import Call, Result, execute


def run_all(tenant: int, actor: str, command: str, keyed: Sequence[tuple[str, dict[str, Any]]]) -> list[Result]:
    """One command for each key and its arguments, independent of each other; results in order."""
    calls = [Call.of(tenant, actor, key, COMMANDS[command], arguments) for key, arguments in keyed]
    results = execute(calls)
    taken = [index for index, result in enumerate(results) if isinstance(result, IdempotencyKeyReused)]
    if taken:
        fresh = [
            Call.of(tenant, actor, f"{keyed[index][0]}:{uuid.uuid4().hex}", COMMANDS[command], keyed[index][1])
            for index in taken
        ]
        for index, result in zip(taken, execute(fresh), strict=True):
            results[index] = result
    return results
