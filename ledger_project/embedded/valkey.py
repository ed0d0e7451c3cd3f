"""A Redis-compatible server from a Python wheel: broker, cache and wake-up only; losing all of it loses no money."""

import os
import subprocess
import time
from typing import Final

import redis

from ledger_project.embedded import packages, processes
from ledger_project.embedded.places import Place
from ledger_project.embedded.processes import StartFailed

READY_WITHIN: Final = 60.0
SOCKET: Final = "valkey.sock"

SETTINGS: Final = {
    "port": "0",
    "unixsocketperm": "700",
    "databases": "64",  # one for each parallel test worker
    "appendonly": "yes",
    "save": "",
    "maxmemory-policy": "noeviction",
    "set-proc-title": "no",  # it would overwrite the mark by which a later supervisor knows its own
}


def start(place: Place) -> subprocess.Popen[bytes]:
    """Start the server; a stale socket of a killed one is replaced by it. `wait` says when it answers."""
    settings = [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
    return processes.spawn(
        [packages.valkey_server(place), "--dir", place.valkey, "--unixsocket", place.sockets / SOCKET, *settings],
        role="valkey",
        installation=place.installation,
        log=place.logs / "valkey.log",
        env=processes.bare_environment(),
        account=place.account,
    )


def wait(place: Place, process: subprocess.Popen[bytes]) -> None:
    """Return when the server answers and has loaded its data."""
    deadline = time.monotonic() + READY_WITHIN
    with redis.Redis(unix_socket_path=os.fspath(place.sockets / SOCKET)) as client:
        while True:
            if process.poll() is not None:
                raise StartFailed(f"Valkey did not start.\n{processes.tail(place.logs / 'valkey.log')}")
            try:
                client.ping()
                return
            except redis.ConnectionError as error:  # also while it is loading
                if time.monotonic() > deadline:
                    raise StartFailed(f"Valkey did not answer within {READY_WITHIN:.0f} s: {error}") from error
            time.sleep(0.05)
