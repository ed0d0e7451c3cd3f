"""The dashboard's tiles about promised money: what waits for a person."""

from datetime import timedelta

from holds.models import Hold
from ledger_project.kernel import clock
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.tiles import Number, NumberTile, count_up_to, tile


@tile
class WithdrawalsToPay(NumberTile):
    title, permission, order = "Withdrawals to pay", "holds.view_hold", 20

    def number(self) -> Number:
        waiting = Hold.objects.filter(kind="withdrawal", status="pending")
        oldest = waiting.order_by("pk").first()
        if oldest is None:
            return Number("0", "none waits")
        late = clock.now() - oldest.created_at > timedelta(days=1)
        href = f"{html.list_url('holds.hold')}?kind=withdrawal&status=pending"
        return Number(
            count_up_to(waiting), f"the oldest since {oldest.created_at:%Y-%m-%d}", "bad" if late else "", href
        )


@tile
class Disputes(NumberTile):
    title, permission, order = "Escrows in dispute", "holds.view_hold", 25

    def number(self) -> Number:
        disputed = Hold.objects.filter(status="disputed")
        href = f"{html.list_url('holds.hold')}?kind=escrow&status=disputed"
        return Number(count_up_to(disputed), "wait for a decision", href=href)
