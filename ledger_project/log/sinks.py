"""The places that checkpoints are sent to, and how what they keep is read back.

A sink is an address in the settings:

    https://[user:password@]clawlogs.example/checkpoints   POST of the note as text/plain
    file:///srv/anchors/checkpoints                        the note appended to a file
    git:///srv/anchors/repository                          a commit of `checkpoint`, pushed where there is a remote

What another party's log was sent cannot be read back: only the other two contradict a log.
"""

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx2
from django.conf import settings

TIMEOUT = 15.0  # seconds that a sink may take
READING = 300.0  # seconds that reading a repository's whole history may take
PAGE = 8 * 1024 * 1024  # bytes of a file that are read at once
LONGEST = 1024 * 1024  # bytes of a note, and more than any has
NOTE = re.compile(rb"(?m)^.+\n[0-9]+\n[A-Za-z0-9+/=]+\n(?:.+\n)*\n(?:\xe2\x80\x94 .+\n)+")


START = ""  # the place before every note


class AnchorFailed(Exception):
    """A sink did not take a checkpoint, for this reason."""


class Sink:
    """A place for checkpoints. `name` is what is stored and shown of its address, without credentials."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url
        self.path = Path(parts.path)
        self.name = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    def deliver(self, note: str) -> None:
        """Keep a note. Raises AnchorFailed; a note that is there already may come again."""
        raise NotImplementedError

    def kept(self) -> list[str]:
        """Every note that can be read back here, oldest first. Raises AnchorFailed."""
        found, place = list[str](), START
        while True:
            notes, after = self.kept_since(place)
            found += notes
            if after == place:
                return found
            place = after

    def kept_since(self, place: str) -> tuple[list[str], str]:
        """Some of the notes behind a place, oldest first, and the place behind these; the same where there are no more.

        A place that is gone, as after a file was replaced, is the beginning. Raises AnchorFailed.
        """
        return [], place


class HttpSink(Sink):
    """The role of clawlogs: another party's log, which keeps what it is sent."""

    def deliver(self, note: str) -> None:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        try:
            response = httpx2.post(self.url, content=note.encode(), headers=headers, timeout=TIMEOUT)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise AnchorFailed(type(error).__name__) from error
        if not response.is_success:
            raise AnchorFailed(f"HTTP {response.status_code}")


class FileSink(Sink):
    """A file that only grows: on a write-once volume, or another machine's."""

    def deliver(self, note: str) -> None:
        try:
            with self.path.open("ab") as file:
                file.write(note.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise AnchorFailed(error.strerror or "not written") from error

    def kept_since(self, place: str) -> tuple[list[str], str]:
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                inode, _, offset = place.partition(":")
                start = int(offset) if inode == str(found.st_ino) and int(offset) <= found.st_size else 0
                file.seek(start)
                page = file.read(PAGE)
        except FileNotFoundError:
            return [], place
        except OSError as error:
            raise AnchorFailed(error.strerror or "not read") from error
        # What begins in the last part of a page may go on in the next one, and is left to that.
        end, limit = (0, PAGE) if len(page) < PAGE else (PAGE - LONGEST, PAGE - LONGEST)
        notes = []
        for note in NOTE.finditer(page):
            if note.start() < limit:
                notes.append(note[0].decode(errors="replace"))
                end = max(end, note.end())
        return notes, f"{found.st_ino}:{start + end}" if end else place


class GitSink(Sink):
    """A repository whose history keeps every checkpoint; other people fetch it, or it is pushed to them."""

    FILE = "checkpoint"

    def deliver(self, note: str) -> None:
        try:
            (self.path / self.FILE).write_text(note, encoding="utf-8")
        except OSError as error:
            raise AnchorFailed(error.strerror or "not written") from error
        self._git("add", "--", self.FILE)
        if self._git("status", "--porcelain", "--", self.FILE):
            size = note.split("\n")[1]
            author = ("-c", "user.name=ledger", "-c", "user.email=ledger@localhost", "-c", "commit.gpgsign=false")
            self._git(
                *author, "commit", "--quiet", "--no-verify", f"--message=Checkpoint of {size} leaves", "--", self.FILE
            )
        for remote in self._git("remote").split():
            self._git("push", "--quiet", remote, "HEAD")

    def kept_since(self, place: str) -> tuple[list[str], str]:
        """The history of every branch, those of the remotes as they were fetched or pushed last included."""
        tips = " ".join(sorted({*self._git("for-each-ref", "--format=%(objectname)").split()}))
        if tips == place:
            return [], place
        try:
            commits = self._history(tips, *(f"^{tip}" for tip in place.split()))
        except AnchorFailed:  # it was rewritten, and what was seen last is gone
            commits = self._history(tips)
        asked = "".join(f"{commit}:{self.FILE}\n" for commit in commits)
        return _contents(self._run("cat-file", "--batch", given=asked, timeout=READING)), tips

    def _history(self, tips: str, *seen: str) -> list[str]:
        return self._git("rev-list", "--reverse", *tips.split(), *seen, timeout=READING).split() if tips else []

    def _git(self, *words: str, timeout: float = TIMEOUT) -> str:
        """What git says. Raises AnchorFailed."""
        return self._run(*words, timeout=timeout).decode(errors="replace")

    def _run(self, *words: str, given: str = "", timeout: float = TIMEOUT) -> bytes:
        environment = {
            **os.environ,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
            "LC_ALL": "C",
        }
        try:
            done = subprocess.run(
                ["git", "-C", str(self.path), *words],  # noqa: S607  (the git that the system has)
                input=given.encode(), capture_output=True, timeout=timeout, check=True, env=environment,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            raise AnchorFailed(f"git {words[0]}: {error.stderr.decode(errors='replace').strip()[-300:]}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AnchorFailed(f"git {words[0]}: {type(error).__name__}") from error
        return done.stdout


def _contents(batch: bytes) -> list[str]:
    """The files that `git cat-file --batch` shows, each behind a line with its size; a commit without one has none."""
    found, place = [], 0
    while place < len(batch):
        end = batch.index(b"\n", place)
        head, place = batch[place:end], end + 1
        if not head.endswith(b" missing"):
            size = int(head.rpartition(b" ")[2])
            found.append(batch[place : place + size].decode(errors="replace"))
            place += size + 1
    return found


SCHEMES = {"https": HttpSink, "http": HttpSink, "file": FileSink, "git": GitSink}


def sinks() -> list[Sink]:
    """The configured sinks. Raises LookupError for an address of no known kind."""
    return [SCHEMES[urlsplit(url).scheme](url) for url in settings.ANCHORS]
