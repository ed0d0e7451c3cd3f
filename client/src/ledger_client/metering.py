"""Metered work: permitted before it begins, recorded when it is done, priced by a book of the ledger."""

import uuid
from types import TracebackType
from typing import Any

from ledger_client.errors import LedgerError
from ledger_client.plans import Plan, operation

OTHERS = ("at", "overrun", "final", "metadata", "to_account")  # arguments of `record_usage` that are no metrics


class Metered:
    """A request that may be made, as a context manager; of the async client with `async with await client.metered(…)`.

        with ledger.metered("agent:scout", "gpt-4o", book="llm", max_input=8000, max_output=1000) as m:
            answer = call_the_model()
            m.record(input_tokens=1204, output_tokens=388)

    `maximum` is what is set aside. What was used is recorded once, under `request_id`; used more than was said, what is
    there is taken and the answer tells what is `uncovered` (`overrun=` says otherwise). When the block ends or raises
    without a record, all of it goes back.
    """

    def __init__(self, client: Any, asked: dict[str, Any], answer: dict[str, Any]) -> None:
        self.client, self.asked = client, asked
        self.quote: dict[str, Any] = answer["quote"]
        self.hold: str | None = answer["hold"]["id"] if answer.get("hold") else None
        self.request_id: str = asked.get("request_id") or self.hold or f"req_{uuid.uuid4().hex}"
        self.recorded: dict[str, Any] | None = None

    @property
    def maximum(self) -> int:
        return int(self.quote["maximum"])

    def run(self, plan: Plan[Any]) -> Any:
        return self.client.run(plan)

    @operation
    def record(self, /, metrics: dict[str, int] | None = None, **counts: Any) -> Plan[dict[str, Any]]:
        """What was used, by metric: `record(input_tokens=1204)`. Other arguments of `record_usage` have their names."""
        more = {name: counts.pop(name) for name in OTHERS if name in counts}
        told = {name: self.asked[name] for name in ("account", "book", "model", "source") if self.asked.get(name)}
        answer = yield from self.client.order(
            "record_usage",
            **told,
            metrics={**(metrics or {}), **counts},
            request_id=self.request_id,
            hold=self.hold,
            **more,
        )
        self.recorded = answer["usage"]
        return dict(answer)

    def _end(self, error: BaseException | None) -> Plan[None]:
        if self.recorded is not None or self.hold is None:
            return
        try:
            yield from self.client.order("release_hold", hold=self.hold, idempotency_key=f"{self.hold}:end")
        except LedgerError as refused:
            if error is None:
                raise
            error.add_note(f"The hold {self.hold} was not released, it expires by itself: {refused}")

    def __enter__(self) -> "Metered":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self._end(error))

    async def __aenter__(self) -> "Metered":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.run(self._end(error))
