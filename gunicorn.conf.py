"""gunicorn reads this by itself: its processes count what they do in one directory, so that /metrics has it all."""

import os
import shutil
import tempfile
from typing import Any

# Made by the first process, which the others inherit it from; they look for it when they load prometheus_client.
COUNTS = os.environ.get("PROMETHEUS_MULTIPROC_DIR") or tempfile.mkdtemp(prefix="ledger-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = COUNTS


def on_exit(server: Any) -> None:
    shutil.rmtree(COUNTS, ignore_errors=True)
