"""Commands that the ledger gives to itself, each under a key made of what it is about.

So a sweeper that runs twice, or was killed after its commit, repeats a call and gets the first answer.
"""

from collections.abc import Sequence
from typing import Any

from ledger_project.log.executor import Result, execute_free, system_call


def run_all(tenant: int, actor: str, command: str, keyed: Sequence[tuple[str, dict[str, Any]]]) -> list[Result]:
    """One command for each key and its arguments, independent of each other; results in order.

    Those whose rows others hold are not waited for: Busy is their result, and the next sweep theirs.
    """
    return execute_free([system_call(tenant, command, key=key, actor=actor, **arguments) for key, arguments in keyed])
