"""The calls of /skill.md, run by bash and curl as they are written."""

import json
import os
import re
import subprocess
from typing import Any

MARK = "=== the next call"


def calls(page: str) -> list[str]:
    """The shell blocks of the page."""
    return re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def run(page: str, key: str) -> list[str]:
    """What each block prints, all of them in one shell that ends with the first that fails."""
    script = "set -euo pipefail\n" + "".join(f"{call}echo\necho '{MARK}'\n" for call in calls(page))
    environment = {"PATH": os.environ["PATH"], "LEDGER_API_KEY": key, "no_proxy": "127.0.0.1,localhost"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr + done.stdout
    return [printed.strip() for printed in done.stdout.split(MARK)[:-1]]


def tell(page: str, key: str) -> list[tuple[str, Any]]:
    """What was called and answered, in this order: `("POST /v1/mints", {…})`; what a variable took was not printed."""
    return [
        (what_of(call), json.loads(printed) if printed.startswith("{") else printed)
        for call, printed in zip(calls(page), run(page, key), strict=True)
        if "curl " in call
    ]


def what_of(call: str) -> str:
    """The method and the address of a block's one curl."""
    assert call.count("curl ") == 1, call
    address = re.search(r"https?://[^/\s]+([^\s\"]*)", call)
    assert address is not None, call
    return f"{'POST' if '-X POST' in call else 'GET'} {address[1]}"
