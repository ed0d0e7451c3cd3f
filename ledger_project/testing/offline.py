"""The offline verifier, given files as its users give them, in this process: starting a program takes most of a look.

That its file works alone, with an interpreter that knows nothing of this checkout, is shown in `client/tests/` and, for
the copy in an audit archive, in `journal/tests/`.
"""

import contextlib
import importlib.util
import io
import json
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
VERIFIER = PROJECT / "client" / "src" / "ledger_client" / "verify.py"

SPEC = importlib.util.spec_from_file_location("ledger_verify", VERIFIER)
assert SPEC is not None
assert SPEC.loader is not None
verifier = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(verifier)


def ledger_verify(*words: Any) -> dict[str, Any]:
    """What `ledger-verify … --json` reports; its exit code stands under `exit_code`."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = verifier.main([*map(str, words), "--json"])
    report: dict[str, Any] = json.loads(out.getvalue())
    assert report["exit_code"] == code
    return report
