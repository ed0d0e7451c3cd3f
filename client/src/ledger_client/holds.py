"""A hold at work: an estimate is set aside, the work is done, and what it cost in fact is paid."""

from types import TracebackType
from typing import Any

from ledger_client.errors import LedgerError
from ledger_client.plans import Plan, operation


class Hold:
    """Money set aside, as a context manager; of the async client with `async with await client.hold(…)`.

        with client.hold("alice", 500, to_account="provider") as hold:
            hold.actual = run_job()

    At the end `actual` is captured and the rest goes back; without an `actual` all of it is captured, and of zero
    nothing. When the block raises, all of it is released. A hold that was resolved inside the block stays as it is.
    `document` is the hold as the ledger last showed it. An `actual` above the hold is refused (`capture_exceeds_hold`),
    and the hold then stays until it expires.
    """

    def __init__(self, client: Any, document: dict[str, Any]) -> None:
        self.client, self.document = client, document
        self.actual: int | None = None

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def amount(self) -> int:
        return int(self.document["amount"])

    @property
    def remaining(self) -> int:
        return int(self.document["remaining"])

    @property
    def pending(self) -> bool:
        return bool(self.document["status"] == "pending")

    def run(self, plan: Plan[Any]) -> Any:
        return self.client.run(plan)

    @operation
    def capture(self, /, amount: int | None = None, **more: Any) -> Plan[dict[str, Any]]:
        """Pay all of the rest, or `amount` of it; `final=False` keeps what is left on hold."""
        return (yield from self._change("capture_hold", amount=amount, **more))

    @operation
    def release(self, /, amount: int | None = None, **more: Any) -> Plan[dict[str, Any]]:
        """Give all of the rest back, or `amount` of it."""
        return (yield from self._change("release_hold", amount=amount, **more))

    @operation
    def extend(self, /, expires_in: int, **more: Any) -> Plan[dict[str, Any]]:
        """Let it end `expires_in` seconds from now."""
        return (yield from self._change("extend_hold", expires_in=expires_in, **more))

    def _change(self, command: str, **arguments: Any) -> Plan[dict[str, Any]]:
        answer = yield from self.client.order(command, hold=self.id, **arguments)
        self.document = answer["hold"]
        return dict(answer)

    def _end(self, error: BaseException | None) -> Plan[None]:
        if not self.pending:
            return
        if error is None and self.actual != 0:
            yield from self._change("capture_hold", amount=self.actual, idempotency_key=f"{self.id}:end")
            return
        try:
            yield from self._change("release_hold", idempotency_key=f"{self.id}:end")
        except LedgerError as refused:
            if error is None:
                raise
            error.add_note(f"The hold {self.id} was not released, it expires by itself: {refused}")

    def __enter__(self) -> "Hold":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self._end(error))

    async def __aenter__(self) -> "Hold":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.run(self._end(error))
