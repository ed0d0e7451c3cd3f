"""Transfers while the sealer, the expiry sweeper and the webhooks work, against the same without them."""

from pathlib import Path

from bench.books import Books
from bench.companion import Companion
from bench.harness import Case, Ratio, report, take_turns
from bench.transfers import single
from ledger_project.log.executor import execute

CALLERS = 16
HOLDS = 2000  # that expire in the course of the run


class Worker:
    """The processes with the background work."""

    def __init__(self) -> None:
        self.processes = [Companion("bench.worker", job) for job in ("seal", "tell")]
        self.receiver = [process.answer() for process in self.processes][1]

    def begin(self) -> None:
        for process in self.processes:
            process.say("1")

    def end(self) -> None:
        """Also waits until everything is sealed."""
        for process in self.processes:
            process.say("0")
        for process in self.processes:
            process.answer()

    def once(self) -> None:
        """A turn that only clears away what others have left."""
        self.begin()
        self.end()

    def stop(self) -> None:
        for process in self.processes:
            process.stop()


def main(rounds: int, seconds: float) -> None:
    books = Books()
    worker = Worker()
    try:
        books.ledger.run("register_webhook", url=worker.receiver, types=["transfer.*"])
        for start in range(0, HOLDS, 1000):
            names = books.names[start : start + 1000]
            lives = [1 + number % int(2 * seconds * rounds) for number in range(len(names))]
            asked = zip(names, lives, strict=True)
            execute([books.ledger.call("place_hold", account=name, amount=1, expires_in=life) for name, life in asked])
        cases = [
            Case(ALONE, single(books.uniform), callers=CALLERS, after=worker.once),
            Case(
                BESIDE,
                single(books.uniform),
                callers=CALLERS,
                before=worker.begin,
                after=worker.end,
            ),
        ]
        take_turns(cases, rounds=rounds, seconds=seconds)
        report(
            cases,
            [Ratio("with the background work", BESIDE, ALONE, 0.85)],
            {},
            to=Path("bench/results/background.json"),
        )
    finally:
        worker.stop()


ALONE = "executor, 16 callers"
BESIDE = "executor, 16 callers, sealer, sweeper, webhooks"
