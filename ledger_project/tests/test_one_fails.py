"""Where something fails for one tenant, the others are served: every task that works for all of them, one by one.

The failure is a real one: PostgreSQL refuses to write the unfortunate tenant's rows, as it does where they are damaged.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_network
from typing import Any

import pytest
from django.db import connections
from prometheus_client import REGISTRY
from pytest_django import Settings

from holds import expiry, payouts
from holds.executors import Paid, Payment
from holds.models import Hold
from journal import promo_expiry
from journal.models import IssuedStatement, ReconciliationRun
from journal.monitors import watching
from journal.reconciliation import notify, running
from journal.statements import issuing
from ledger_project.kernel import clock
from ledger_project.log import each, sealing
from ledger_project.log.each import SomeFailed, for_each
from ledger_project.log.models import Event
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks import sender
from ledger_project.webhooks.models import Delivery
from reserves import tasks as reserves_tasks

pytestmark = pytest.mark.slow


class Bank:
    """An executor that pays whatever it is asked to pay."""

    automatic = True

    def pay(self, payment: Payment) -> Paid:
        return Paid(f"tx-{payment.withdrawal}")


@pytest.fixture
def three() -> Iterator[list[Ledger]]:
    """Ledgers of three tenants, of which the first is about to be unfortunate; in a database of their own."""
    with own_database():
        ledgers = [Ledger() for _ in range(3)]
        for ledger in ledgers:
            ledger.open("alice", funded=100)
            ledger.open("bob")
        yield ledgers


def as_owner(statement: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement)


def damage(ledger: Ledger, table: str = "log_event") -> None:
    """Let nothing more be written for this tenant."""
    as_owner(
        "CREATE FUNCTION damaged() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'damaged' USING ERRCODE = 'XX001'; END $$;"
        f" CREATE TRIGGER damaged BEFORE INSERT ON {table} FOR EACH ROW"
        f" WHEN (NEW.tenant_id = {ledger.tenant}) EXECUTE FUNCTION damaged()"
    )


def counted(ledgers: list[Ledger], type: str) -> list[int]:
    """How many events of this type each of them has."""
    return [Event.objects.filter(tenant=ledger.tenant, type=type).count() for ledger in ledgers]


def fails(task: Callable[[], Any], name: str) -> None:
    """The task serves whom it can, and then fails, under its name, for one."""
    before = REGISTRY.get_sample_value("ledger_task_failures_total", {"task": name}) or 0
    with pytest.raises(SomeFailed, match=f"{name} failed for 1") as failed:
        task()
    assert "damaged" in str(failed.value.__cause__)
    assert REGISTRY.get_sample_value("ledger_task_failures_total", {"task": name}) == before + 1


def test_holds_expire(three: list[Ledger]) -> None:
    for ledger in three:
        ledger.run("place_hold", account="alice", amount=10, expires_in=60)
    damage(three[0])

    with clock.moved(timedelta(minutes=2)):
        fails(expiry.expire_due, "expire_holds")

    assert counted(three, "hold.expired") == [0, 1, 1]
    assert [ledger.balance("alice") for ledger in three] == [{"available": 90, "held": 10}, *[{"available": 100}] * 2]


def test_promotional_money_expires(three: list[Ledger]) -> None:
    soon = clock.stamp(clock.now() + timedelta(minutes=1))
    for ledger in three:
        ledger.run("promo_mint", account="alice", amount=10, expires_at=soon)
    damage(three[0])

    with clock.moved(timedelta(minutes=2)):
        fails(promo_expiry.expire_due, "expire_promos")

    assert [ledger.balance("alice").get("promo") for ledger in three] == [10, None, None]


def test_withdrawals_are_paid(three: list[Ledger]) -> None:
    for ledger in three:
        ledger.run("request_withdrawal", account="alice", amount=10, destination="iban")
    damage(three[0])

    fails(lambda: payouts.pay_pending(Bank()), "pay_withdrawals")

    assert list(Hold.objects.order_by("id").values_list("status", flat=True)) == ["pending", "confirmed", "confirmed"]


def test_reconciliations_are_asked_for(three: list[Ledger]) -> None:
    damage(three[0])

    fails(lambda: running.request_all(clock.now()), "request_reconciliations")

    assert counted(three, "reconciliation.requested") == [0, 1, 1]


def test_reconciliations_are_done(three: list[Ledger]) -> None:
    """Every check reads the books of all that wait in one pass, and what breaks it is in one tenant's."""
    running.request_all(clock.now())
    as_owner(
        "CREATE FUNCTION damaged() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'damaged' USING ERRCODE = 'XX001'; END $$;"
        " CREATE TRIGGER damaged BEFORE UPDATE ON journal_reconciliationrun FOR EACH ROW"
        f" WHEN (NEW.tenant_id = {three[0].tenant}) EXECUTE FUNCTION damaged()"
    )

    fails(running.run_waiting, "reconcile")

    finished = ReconciliationRun.objects.order_by("tenant").values_list("finished_at", flat=True)
    assert [moment is not None for moment in finished] == [False, True, True]


def test_mismatches_are_told_of(three: list[Ledger]) -> None:
    running.request_all(clock.now())
    as_owner("UPDATE accounts_balance SET available = available + 5, total_in = total_in + 5 WHERE available = 100")
    running.run_waiting()
    damage(three[0])

    fails(notify.tell, "tell_of_mismatches")

    assert counted(three, "reconciliation.mismatched") == [0, 1, 1]


def test_statements_are_issued(three: list[Ledger]) -> None:
    sealing.seal()
    damage(three[0])
    after = (clock.now().replace(day=1) + timedelta(days=32)).replace(day=2)

    with clock.moved(after - clock.now()), pytest.raises(SomeFailed, match="issue_statements failed for") as failed:
        issuing.issue_due(clock.now())

    assert "damaged" in str(failed.value.__cause__)
    issued = [IssuedStatement.objects.filter(tenant=ledger.tenant).count() for ledger in three]
    assert (issued[0], issued[1] > 0, issued[1] == issued[2]) == (0, True, True)


def test_currencies_are_attested(three: list[Ledger]) -> None:
    for ledger in three:
        ledger.run(
            "register_reserve_asset", name="cash", currency="CRD", asset_type="fiat", provider="bank", unit="CRD",
            source={"kind": "manual"}, haircut_bps=0, max_age_seconds=3600,
        )  # fmt: skip
    sealing.seal()
    damage(three[0])

    fails(reserves_tasks.attest, "attest")

    assert counted(three, "attestation.issued") == [0, 1, 1]


def test_monitors_are_watched_and_the_unfortunate_one_is_not_forgotten(three: list[Ledger]) -> None:
    for ledger in three:
        ledger.run("register_monitor", account="alice", bucket="available", operator="lt", value=50)
        sealing.seal()
        ledger.run("transfer", from_account="alice", to_account="bob", amount=60)
    sealing.seal()
    damage(three[0])

    fails(watching.watch, "watch_balances")

    assert counted(three, "monitor.triggered") == [0, 1, 1]
    as_owner("DROP FUNCTION damaged CASCADE")
    watching.watch()
    assert counted(three, "monitor.triggered") == [1, 1, 1]


def test_endpoints_are_fanned_out_to(three: list[Ledger], settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    for ledger in three:
        ledger.run("register_webhook", url="http://127.0.0.1:9/", types=["credits.*"])
        sealing.seal()
        ledger.run("mint", account="alice", amount=1)
    sealing.seal()
    damage(three[0], "webhooks_delivery")

    fails(lambda: sender.deliver(5.0), "fan_out")

    assert [Delivery.objects.filter(tenant=ledger.tenant).count() for ledger in three] == [0, 1, 1]


def test_what_was_done_for_the_others_is_told_and_whoever_failed_is_named() -> None:
    halves: dict[int, Decimal] = {}

    def halve(number: int) -> None:
        halves[number] = Decimal(12) / number

    with pytest.raises(SomeFailed, match=r"^attest failed for 1: 0$") as failed:
        for_each("attest", [2, 0, 3], halve)

    assert halves == {2: 6, 3: 4}
    assert list(failed.value.failures) == ["0"]


def test_a_task_that_is_not_counted_is_a_bug() -> None:
    with pytest.raises(ValueError, match="is not among the tasks"):
        each.Each("anything")
