"""A turn of one endpoint: what is due to it is signed and sent, the oldest first, and what came of it is written.

Where no order is asked several attempts are under way at once, each in a thread of its own that does nothing but wait
for the receiver. Signing, reading and writing stay with the turn's thread, which so writes many outcomes together.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import closing
from datetime import timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_project.kernel import clock, ids
from ledger_project.log import feed
from ledger_project.log.executor import look
from ledger_project.outbound import addresses
from ledger_project.outbound.addresses import Target
from ledger_project.outbound.errors import UnsafeUrl
from ledger_project.outbound.transport import Answer, Wire
from ledger_project.webhooks import delivery, messages, schedule, signing
from ledger_project.webhooks.delivery import Answered, Due, Lease
from ledger_project.webhooks.signing import UnreadableSecret

SECRET_OVERLAP = timedelta(hours=24)  # for which a rotated secret signs as well
AHEAD = 50  # events that are read at once

log = logging.getLogger(__name__)


def take_turn(lease: Lease, key: Ed25519PrivateKey, posts: Executor, ends: float) -> int:
    """Send what is due to the endpoint, until it must rest or the turn is over; how many attempts were made."""
    attempts, fit = 0, True
    accepted: list[Answered] = []
    with closing(_Turn(lease.endpoint, key, posts)) as turn:
        while True:
            room = schedule.AT_ONCE - len(turn.under_way) if fit and time.monotonic() < ends else 0
            begun = delivery.begin(lease, room, turn.under_way, accepted)
            turn.send(begun)
            attempts += len(begun)
            if not turn.under_way:
                break
            accepted = []
            for due, answer in turn.answers():
                if answer.accepted:
                    accepted.append((due, answer))
                else:
                    fit = delivery.fail(lease, due, answer) and fit
    delivery.give_back(lease)
    return attempts


class _Turn:
    """Attempts at one endpoint, with what the next ones need at hand."""

    def __init__(self, endpoint: UUID, key: Ed25519PrivateKey, posts: Executor) -> None:
        self.endpoint = endpoint
        self.key = key
        self._posts = posts
        self._flying: dict[Future[Answer], tuple[Due, Wire | None]] = {}
        self._idle: list[Wire] = []
        self._ahead: dict[UUID, feed.Sealed] = {}
        self._secrets: dict[tuple[int, bool], list[bytes]] = {}

    @property
    def under_way(self) -> list[UUID]:
        """The deliveries that wait for their answers."""
        return [due.delivery for due, _ in self._flying.values()]

    def send(self, dues: list[Due]) -> None:
        """Sign and send, over connections of earlier attempts where they lead to the same place."""
        self._read({due.event for due in dues})
        for due in dues:
            try:
                target = addresses.read(due.url)
                secrets = self._live_secrets(due)
            except UnsafeUrl as refusal:
                self._answer(due, Answer(error="unsafe_url", detail=refusal.facts["reason"]))
            except UnreadableSecret:
                name = ids.show("wbh", self.endpoint)
                log.error("the secrets of webhook %s cannot be read: was the secret key changed?", name)
                self._answer(due, Answer(error="unreadable_secret"))
            else:
                body = messages.body(self._ahead[due.event], due.account)
                moment = int(clock.now().timestamp())
                signed = signing.headers(ids.show("dlv", due.delivery), moment, body, secrets, self.key)
                wire = self._wire_to(target)
                headers = {**_HEADERS, "X-Request-ID": due.attempt.hex, **signed}
                self._flying[self._posts.submit(wire.post, headers, body)] = due, wire

    def answers(self) -> Iterator[Answered]:
        """What has been answered since, of which there is something."""
        done, _ = wait(self._flying, return_when=FIRST_COMPLETED)
        for future in done:
            due, wire = self._flying.pop(future)
            if wire is not None:
                self._idle.append(wire)
            yield due, future.result()

    def close(self) -> None:
        """Wait for what is under way, whose outcome nobody writes, and leave no connection open."""
        wait(self._flying)
        for wire in [*self._idle, *(wire for _, wire in self._flying.values() if wire is not None)]:
            wire.close()

    def _answer(self, due: Due, answer: Answer) -> None:
        """What is known without asking."""
        known: Future[Answer] = Future()
        known.set_result(answer)
        self._flying[known] = due, None

    def _wire_to(self, target: Target) -> Wire:
        while self._idle:
            wire = self._idle.pop()
            if wire.target == target:
                return wire
            wire.close()
        return Wire(target)

    def _read(self, events: Iterable[UUID]) -> None:
        """Read the events, together with those that are due after them: what is sealed does not change."""
        if not self._ahead.keys() >= set(events):
            due = look(_AHEAD, (self.endpoint, clock.now(), AHEAD))
            self._ahead = feed.find({*events, *(each for (each,) in due)})

    def _live_secrets(self, due: Due) -> list[bytes]:
        """The newest secret, and for a day after a rotation the one before it. Raises UnreadableSecret."""
        overlap = due.rotated_at is not None and clock.now() < due.rotated_at + SECRET_OVERLAP
        if (due.generation, overlap) not in self._secrets:
            found = look(_SECRETS, (self.endpoint, due.generation - overlap))
            self._secrets[due.generation, overlap] = [signing.unseal(sealed) for (sealed,) in found]
        return self._secrets[due.generation, overlap]


_HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "ledger-webhooks/1",
    "Accept-Encoding": "identity",
}
_AHEAD = """
SELECT event FROM webhooks_delivery
 WHERE endpoint_id = %s AND state = 'pending' AND due_at <= %s ORDER BY log_index LIMIT %s
"""
_SECRETS = """
SELECT sealed FROM webhooks_secret WHERE endpoint_id = %s AND generation >= %s ORDER BY generation DESC
"""
