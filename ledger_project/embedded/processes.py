"""Starting, marking and stopping the processes of one installation, and never anybody else's.

Every process carries `LEDGER_SUPERVISED=<installation>/<role>` in its first environment, and its children inherit it.
The installation's number is random, so a process that shows it is provably ours, also after the supervisor was killed
and also when its pid file is stale or its pid has been used again.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

MARK: Final = "LEDGER_SUPERVISED"
PR_SET_PDEATHSIG: Final = 1
LOG_LIMIT: Final = 10 * 1024 * 1024  # bytes; a longer log is set aside when its process starts

# The signals that stop each role, mildest first, each with the seconds it is given.
STOPPING: Final[Mapping[str, Sequence[tuple[signal.Signals, float]]]] = {
    # PostgreSQL's TERM waits for its clients, so INT (fast) comes first; QUIT is as safe as a power cut: WAL replays.
    "postgres": ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)),
    "valkey": ((signal.SIGTERM, 20), (signal.SIGKILL, 10)),
    "web": ((signal.SIGTERM, 20), (signal.SIGKILL, 5)),
    "timer": ((signal.SIGTERM, 15), (signal.SIGKILL, 5)),
    "worker": ((signal.SIGTERM, 15), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)),
    "beat": ((signal.SIGTERM, 5), (signal.SIGKILL, 5)),
    "task": ((signal.SIGTERM, 10), (signal.SIGKILL, 5)),
    # A backend without its postmaster ends by itself when its query ends.
    "backend": ((signal.SIGQUIT, 5), (signal.SIGKILL, 5)),
}
# Clients stop before the servers that they talk to.
STOPPING_ORDER: Final = ("beat", "worker", "timer", "web", "task", "valkey", "postgres")

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class StartFailed(Exception):
    """Something cannot be started or stopped; the message says what, why, and where to read on."""


@dataclass(frozen=True)
class Account:
    """The operating system's user that a process runs as."""

    uid: int
    gid: int


def spawn(
    argv: Sequence[str | os.PathLike[str]],
    *,
    role: str,
    installation: str,
    log: Path,
    env: Mapping[str, str],
    account: Account | None = None,
    cwd: Path | None = None,
    capture: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that the terminal's Ctrl-C reaches only the supervisor.

    Call it from the main thread: the kernel's death signal follows the thread that started the child.
    """
    set_aside_long_log(log)
    with log.open("ab") as out:
        return subprocess.Popen(
            [os.fspath(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else out,
            stderr=out,
            env={**env, MARK: f"{installation}/{role}"},
            cwd=cwd or "/",
            start_new_session=True,
            preexec_fn=die_with_parent(STOPPING[role][0][0]),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Wait for a step; returns its exit code and what it printed, where that was captured."""
    try:
        out, _ = process.communicate()
        return process.returncode, (out or b"").decode()
    finally:
        stop(process, "task")


def bare_environment() -> dict[str, str]:
    """Nothing of the caller's: a PGPORT or PGDATA of the shell would move the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def die_with_parent(sig: signal.Signals) -> Callable[[], None] | None:
    """A hook for the child: on Linux the kernel sends it `sig` when the supervisor is gone, however it went."""
    if _libc is None:
        return None
    parent = os.getpid()
    prctl = _libc.prctl

    def hook() -> None:
        # Runs after the change of user, which would clear the setting.
        prctl(PR_SET_PDEATHSIG, int(sig), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return hook


def stop(process: subprocess.Popen[bytes], role: str) -> None:
    """Stop a child with its role's signals and reap it."""
    for sig, patience in STOPPING[role]:
        if process.poll() is not None:
            return
        process.send_signal(sig)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue


def strays(installation: str) -> Iterator[tuple[psutil.Process, str]]:
    """Living processes of this installation with their roles, whoever started them."""
    for process in psutil.process_iter():
        try:
            owner, _, role = process.environ().get(MARK, "").partition("/")
        except (psutil.Error, OSError):  # gone meanwhile, or another user's: in both cases none of ours
            continue
        if owner == installation and process.pid != os.getpid():
            yield process, role


def stop_strays(installation: str, *roles: str) -> int:
    """Stop what an earlier, killed supervisor left behind; returns how many processes that were."""
    found = 0
    for wanted in roles or STOPPING_ORDER:
        left = [process for process, role in strays(installation) if role == wanted]
        found += len(left)
        stop_all(left, wanted)
    return found


def stop_all(left: list[psutil.Process], role: str) -> None:
    """Stop processes that are not our children with their role's signals."""
    for sig, patience in STOPPING[role]:
        if not left:
            return
        for process in left:
            # psutil compares the start time first, so a reused pid is not hit.
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(sig)
        left = wait_gone(left, patience)


def wait_gone(watched: list[psutil.Process], patience: float) -> list[psutil.Process]:
    """Wait until the processes have ended; returns those that have not.

    A zombie has ended: in a container whose first process does not reap, it stays for ever, and so would psutil's wait.
    """
    deadline = time.monotonic() + patience
    while True:
        left = [process for process in watched if not gone(process)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def working_in(directory: Path) -> list[psutil.Process]:
    """The processes whose working directory this is; all processes of a PostgreSQL work in its data directory."""
    wanted = os.fspath(directory.resolve())
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == wanted:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def set_aside_long_log(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for a message."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
