"""gunicorn reads this by itself, wherever it is started from this folder.

Its worker gives a thread to whole requests alone. Its processes count what they do in one directory, so that /metrics
has it all, and wait longer for their callers to come back than threads that call the ledger directly need.
"""

import os
import shutil
import tempfile
from typing import Any

# In memory, where there is such a place: the counts are mapped files, and on a disk that is full the kernel kills each
# process that counts one thing more, and each that takes its place.
MEMORY = next((path for path in ["/dev/shm"] if os.access(path, os.W_OK)), None)  # noqa: S108 - mkdtemp makes it private
# Made by the first process, which the others inherit it from; they look for it when they load prometheus_client.
COUNTS = os.environ.get("PROMETHEUS_MULTIPROC_DIR") or tempfile.mkdtemp(prefix="ledger-metrics-", dir=MEMORY)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = COUNTS

os.environ.setdefault("GROUP_PATIENCE", "1000")
os.environ.setdefault("STATEMENT_SECONDS", "60")

worker_class = "ledger_project.web.serving.Worker"
worker_connections = 500  # of one process: beyond, whoever is waited for longest makes room; each is a descriptor
worker_tmp_dir = MEMORY
sendfile = False  # it would wait for a client that does not read


def post_fork(server: Any, worker: Any) -> None:
    """Of a process's threads, those who wait for others' locks are so few that the rest go on serving."""
    os.environ.setdefault("PARKED_CALLS", str(max(2, worker.cfg.threads // 2)))


def on_exit(server: Any) -> None:
    shutil.rmtree(COUNTS, ignore_errors=True)
