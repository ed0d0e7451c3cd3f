"""Starting the supervisor in the background, and stopping one that runs, from another process."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ledger_project.embedded import places, processes
from ledger_project.embedded.locking import AlreadyRunning, SupervisorLock
from ledger_project.embedded.supervisor import PROJECT, UP_FILE

# The sum of what the roles are given in processes.STOPPING, with some to spare.
STOPPED_WITHIN: Final = 180.0


def start(home: Path, say: Callable[[str], None]) -> int:
    """Start a supervisor that outlives us, repeat what it says until it is ready, and return its exit code or 0."""
    places.make_home(home)
    lock = SupervisorLock(home)
    if lock.held():
        raise AlreadyRunning(lock.holder())
    log = home / "log" / "supervisor.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    processes.set_aside_long_log(log)
    with log.open("ab") as out, log.open("r", encoding="utf-8", errors="replace") as heard:
        heard.seek(0, 2)
        process = subprocess.Popen(
            [sys.executable, PROJECT / "manage.py", "up", "--background"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=PROJECT,
            start_new_session=True,
        )
        try:
            return _until_ready(process, home, heard.readline, say)
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            return 1


def _until_ready(
    process: subprocess.Popen[bytes], home: Path, heard: Callable[[], str], say: Callable[[str], None]
) -> int:
    while True:
        code = process.poll()
        ready = _is_ready(home, process.pid)
        while line := heard():
            say(line.rstrip("\n"))
        if code is not None:
            return code or 1
        if ready:
            return 0
        time.sleep(0.1)


def _is_ready(home: Path, pid: int) -> bool:
    """Whether the file that says "ready" is there and of this supervisor, not of one that was killed earlier."""
    try:
        facts = json.loads((home / UP_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    return bool(facts["pid"] == pid)


def stop(home: Path, say: Callable[[str], None]) -> int:
    """Stop the supervisor of `home` and wait for it; clear what a killed one left. Returns the exit code."""
    lock = SupervisorLock(home)
    if not lock.held():
        return _clear(home, lock, say)
    holder = lock.holder()
    process = holder.process() if holder else None
    if holder is None or process is None:
        say("A supervisor is starting or stopping just now; try again.")
        return 1
    say(f"Stopping the ledger at {holder.url} (pid {holder.pid}) ...")
    process.terminate()
    if processes.wait_gone([process], STOPPED_WITHIN):
        say(f"It did not stop within {STOPPED_WITHIN:.0f} s; see {home / 'log' / 'supervisor.log'}")
        return 1
    say("Stopped.")
    return 0


def _clear(home: Path, lock: SupervisorLock, say: Callable[[str], None]) -> int:
    found = 0
    if (home / "installation").exists():
        with lock:
            lock.acquire()
            found = processes.stop_strays(places.installation_of(home))
            (home / UP_FILE).unlink(missing_ok=True)
    say(f"Stopped {found} processes that a killed supervisor had left." if found else "The ledger is not running.")
    return 0
