"""One supervisor for a home: the lock that it holds as long as it lives, and what it wrote about itself."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from ledger_project.embedded.processes import StartFailed

NAME = "supervisor.lock"


@dataclass(frozen=True)
class Holder:
    """Who holds the lock. The start time tells the process from a later one with the same pid."""

    pid: int
    started: float
    url: str

    def process(self) -> psutil.Process | None:
        """The living holder, if it is still the one that wrote this."""
        try:
            process = psutil.Process(self.pid)
            return process if process.create_time() == self.started else None
        except psutil.NoSuchProcess:
            return None


class AlreadyRunning(Exception):
    """Another supervisor holds the lock."""

    def __init__(self, holder: Holder | None) -> None:
        self.holder = holder
        where = f" at {holder.url} (pid {holder.pid})" if holder and holder.url else ""
        super().__init__(f"The ledger is already running{where}.")


class SupervisorLock:
    """An flock: the kernel frees it with the process, so no kill -9 can leave it behind."""

    def __init__(self, home: Path) -> None:
        self.path = home / NAME
        self._file: int | None = None

    def acquire(self, *, url: str = "") -> None:
        """Take the lock and write who we are, or raise AlreadyRunning."""
        file = self._open(os.O_CREAT)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise AlreadyRunning(self.holder()) from None
        self._file = file
        me = Holder(pid=os.getpid(), started=psutil.Process().create_time(), url=url)
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(asdict(me)).encode(), 0)

    def release(self) -> None:
        """Free the lock. The file stays: removing it would let two supervisors lock two files of one name."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def holder(self) -> Holder | None:
        """What the lock's holder wrote; None when there is none or it has not written yet."""
        try:
            return Holder(**json.loads(self.path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def held(self) -> bool:
        """Whether some living process holds the lock."""
        try:
            file = self._open()
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(file)

    def _open(self, flags: int = 0) -> int:
        try:
            # Not inherited by children, which would hold it after us.
            return os.open(self.path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
        except PermissionError as error:
            raise StartFailed(
                f"{self.path.parent} belongs to another user; be that user or choose another LEDGER_HOME."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
