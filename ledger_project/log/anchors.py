"""Anchors: checkpoints on their way to places that whoever rules this database cannot rewrite.

A ledger that rewrites its history can sign one that is perfect in itself; only a checkpoint that is kept elsewhere
contradicts it. A sink is an address in the settings:

    https://[user:password@]clawlogs.example/checkpoints   POST of the note as text/plain
    file:///srv/anchors/checkpoints                        the note appended to a file
    git:///srv/anchors/repository                          a commit of `checkpoint`, pushed where there is a remote

What is due and how it fared stands in `AnchorDelivery` rows, one at a time per sink, so neither a dead sink nor a dead
worker loses one.
"""

import logging
import os
import re
import secrets
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx2
from django.conf import settings
from django.db.models.functions import Now

from ledger_project.log import sealer
from ledger_project.log.executor import look
from ledger_project.log.models import AnchorDelivery
from ledger_project.log.sealer import SEALER

log = logging.getLogger(__name__)
TIMEOUT = 15.0  # seconds that a sink may take
MAX_READ_BACK = 10_000  # notes
NOTE = re.compile("(?m)^.+\n[0-9]+\n[A-Za-z0-9+/=]+\n(?:.+\n)*\n(?:\u2014 .+\n)+")
BACK_OFF = (10, 30, 60, 300, 900, 3600)  # seconds after the first, second … failure


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

    def kept(self, last: int = MAX_READ_BACK) -> list[str]:
        """The last notes that can be read back here, oldest first. Raises AnchorFailed."""
        return []


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

    def kept(self, last: int = MAX_READ_BACK) -> list[str]:
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise AnchorFailed(error.strerror or "not read") from error
        return NOTE.findall(text)[-last:]


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

    def kept(self, last: int = MAX_READ_BACK) -> list[str]:
        if not self._git("for-each-ref", "--count=1"):
            return []
        log = self._git("log", f"--max-count={last}", "--reverse", "--format=%H", "--", self.FILE)
        return [self._git("show", f"{commit}:{self.FILE}") for commit in log.split()]

    def _git(self, *words: str) -> str:
        """What git says. Raises AnchorFailed."""
        environment = {
            **os.environ,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
            "LC_ALL": "C",
        }
        try:
            done = subprocess.run(
                ["git", "-C", str(self.path), *words],  # noqa: S607  (the git that the system has)
                capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT, check=True, env=environment,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            raise AnchorFailed(f"git {words[0]}: {error.stderr.strip()[-300:]}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AnchorFailed(f"git {words[0]}: {type(error).__name__}") from error
        return done.stdout


SCHEMES = {"https": HttpSink, "http": HttpSink, "file": FileSink, "git": GitSink}


def sinks() -> list[Sink]:
    """The configured sinks. Raises LookupError for an address of no known kind."""
    return [SCHEMES[urlsplit(url).scheme](url) for url in settings.ANCHORS]


def newest_kept(origin: str) -> list[tuple[str, str]]:
    """The last note of this log that each sink holds, beside the sink's name; without the sinks that cannot be read."""
    kept = []
    for sink in sinks():
        try:
            kept += [(sink.name, note) for note in sink.kept(last=1) if note.startswith(f"{origin}\n")]
        except AnchorFailed as failure:
            log.error("the anchor %s cannot be read back: %s", sink.name, failure)
    return kept


def deliver() -> int:
    """Send each sink the newest checkpoint when it is due; how many took one."""
    return sum(_serve(sink) for sink in sinks())


def _serve(sink: Sink) -> bool:
    _enqueue(sink)
    claimed = sealer.look(_CLAIM, (sink.name,))
    if not claimed:
        return False
    ((delivery_id, attempts, note),) = claimed
    delivery = AnchorDelivery.objects.using(SEALER).filter(pk=delivery_id)
    try:
        sink.deliver(note)
    except AnchorFailed as failure:
        pause = BACK_OFF[min(attempts, len(BACK_OFF)) - 1]
        later = timedelta(seconds=pause + secrets.randbelow(1 + pause // 5))
        delivery.update(last_error=str(failure), next_attempt_at=Now() + later)
        return False
    delivery.update(delivered_at=Now(), last_error="")
    return True


def _enqueue(sink: Sink) -> None:
    """Note that the newest checkpoint is due, if the one before it went long enough ago and none is on its way."""
    sealer.look(_ENQUEUE, (sink.name, sink.name, settings.ANCHOR_EVERY))


_ENQUEUE = """
INSERT INTO log_anchordelivery (sink, checkpoint_id)
SELECT %s::text, newest.id
  FROM (SELECT id FROM log_checkpoint ORDER BY id DESC LIMIT 1) AS newest
  LEFT JOIN (SELECT checkpoint_id, delivered_at FROM log_anchordelivery WHERE sink = %s
              ORDER BY checkpoint_id DESC LIMIT 1) AS last ON true
 WHERE last.checkpoint_id IS NULL
    OR last.checkpoint_id < newest.id AND last.delivered_at <= now() - make_interval(secs => %s::int)
ON CONFLICT (sink) WHERE delivered_at IS NULL DO NOTHING
"""
# Claimed by its next attempt being put off, so that two workers do not send it at once.
_CLAIM = """
UPDATE log_anchordelivery AS delivery
   SET attempts = delivery.attempts + 1, next_attempt_at = clock_timestamp() + interval '2 minutes'
  FROM log_checkpoint AS checkpoint
 WHERE delivery.sink = %s AND delivery.delivered_at IS NULL AND delivery.next_attempt_at <= clock_timestamp()
   AND checkpoint.id = delivery.checkpoint_id
RETURNING delivery.id, delivery.attempts, checkpoint.note
"""


@dataclass(frozen=True, slots=True)
class Anchored:
    """How a sink fares. `stale`: a checkpoint has been waiting for it for longer than it may."""

    sink: str
    size: int | None
    delivered_at: datetime | None
    stale: bool
    last_error: str


def status() -> list[Anchored]:
    """How every configured sink fares."""
    names = [sink.name for sink in sinks()]
    return [Anchored(*row) for row in look(_STATUS, (settings.ANCHOR_MAX_AGE, names))]


_STATUS = """
SELECT sink.name, last.size, last.delivered_at,
       coalesce(waiting.recorded_at < now() - make_interval(secs => %s::int), false), coalesce(pending.last_error, '')
  FROM unnest(%s::text[]) WITH ORDINALITY AS sink (name, place)
  LEFT JOIN LATERAL (
       SELECT checkpoint.id, checkpoint.size, delivery.delivered_at
         FROM log_anchordelivery AS delivery JOIN log_checkpoint AS checkpoint ON checkpoint.id = delivery.checkpoint_id
        WHERE delivery.sink = sink.name AND delivery.delivered_at IS NOT NULL
        ORDER BY delivery.checkpoint_id DESC LIMIT 1) AS last ON true
  LEFT JOIN LATERAL (
       SELECT recorded_at FROM log_checkpoint
        WHERE id > coalesce(last.id, 0) ORDER BY id LIMIT 1) AS waiting ON true
  LEFT JOIN log_anchordelivery AS pending ON pending.sink = sink.name AND pending.delivered_at IS NULL
 ORDER BY sink.place
"""
