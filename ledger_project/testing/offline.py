"""The offline verifier, run as its users run it: a program of its own that is given files."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
VERIFIER = PROJECT / "client" / "src" / "ledger_client" / "verify.py"


def ledger_verify(*words: Any) -> dict[str, Any]:
    """What `ledger-verify … --json` reports; its exit code stands under `exit_code`."""
    command = [sys.executable, "-I", str(VERIFIER), *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode, done.stderr
    return report
