"""Assets count for nothing until somebody says so; snapshots are added and never changed."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, connections

from ledger_project.kernel import clock
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.testing.ledger import Ledger
from reserves.errors import PriceNotExpected, PriceRequired, ReserveAssetExists, ReserveAssetNotFound, TakenInFuture
from reserves.models import ReserveAsset, ReserveSnapshot


def register(ledger: Ledger, name: str = "bank", **options: Any) -> dict[str, Any]:
    given = {"asset_type": "fiat", "provider": "First Bank", "unit": "CRD", "max_age_seconds": 3600} | options
    result: dict[str, Any] = ledger.run("register_reserve_asset", name=name, **given).document["result"]
    return dict(result["reserve_asset"])


def record(ledger: Ledger, asset: str = "bank", amount: Any = 100, **options: Any) -> dict[str, Any]:
    given = {"taken_at": clock.stamp(clock.now() - timedelta(seconds=5)), "provenance": "statement 7"} | options
    result: dict[str, Any] = ledger.run("record_reserve_snapshot", asset=asset, amount=amount, **given).document[
        "result"
    ]
    return dict(result["reserve_snapshot"])


def test_an_asset_counts_for_nothing_at_first(ledger: Ledger) -> None:
    made = register(ledger, metadata={"custody": "omnibus"})

    assert (made["haircut_bps"], made["is_eligible"], made["version"]) == (10_000, False, 1)
    row = ReserveAsset.objects.get(tenant=ledger.tenant)
    assert (row.name, row.currency, row.haircut_bps, row.is_eligible) == ("bank", "CRD", 10_000, False)
    assert row.metadata == {"custody": "omnibus"}
    assert ledger.tail() == ["reserve_asset.registered"]


def test_a_name_is_taken_once(ledger: Ledger) -> None:
    register(ledger)
    before = ledger.size()

    with pytest.raises(ReserveAssetExists):
        register(ledger)

    assert ledger.size() == before


def test_an_update_changes_what_counts_and_nothing_else(ledger: Ledger) -> None:
    made = register(ledger)

    done = ledger.run("update_reserve_asset", asset=made["id"], haircut_bps=5000, is_eligible=True)

    changed = done.document["result"]["reserve_asset"]
    assert changed == made | {
        "haircut_bps": 5000, "is_eligible": True, "version": 2, "updated_at": changed["updated_at"],
    }  # fmt: skip
    assert ReserveAsset.objects.get(tenant=ledger.tenant).haircut_bps == 5000


@pytest.mark.parametrize("haircut", [-1, 10_001, 50.5, "5000", True])
def test_a_haircut_is_a_whole_number_of_basis_points(ledger: Ledger, haircut: Any) -> None:
    with pytest.raises(InvalidRequest):
        register(ledger, haircut_bps=haircut)


def test_a_snapshot_of_38_digits_is_kept_exactly(ledger: Ledger) -> None:
    asset = register(ledger, unit="USDC")
    most = "9" * 38

    made = record(ledger, amount=most, price={"num": most, "den": "7", "provenance": "rate"}, evidence_hash="ab" * 32)

    row = ReserveSnapshot.objects.get(tenant=ledger.tenant)
    assert (row.amount, row.price_num, row.price_den) == (int(most), int(most), 7)
    assert made["asset"] == asset["id"]
    assert made["amount"] == most
    assert made["price"] == {
        "num": most, "den": "7", "provenance": "rate", "taken_at": made["taken_at"], "evidence_hash": None,
    }  # fmt: skip


def test_a_price_is_needed_exactly_where_units_differ(ledger: Ledger) -> None:
    register(ledger)
    register(ledger, "usdc", unit="USDC")
    before = ledger.size()

    with pytest.raises(PriceRequired):
        record(ledger, "usdc")
    with pytest.raises(PriceNotExpected):
        record(ledger, price={"num": 1, "den": 1, "provenance": "rate"})
    with pytest.raises(ReserveAssetNotFound):
        record(ledger, "gold")
    with pytest.raises(TakenInFuture):
        record(ledger, taken_at=clock.stamp(clock.now() + timedelta(seconds=60)))

    assert ledger.size() == before
    assert not ReserveSnapshot.objects.filter(tenant=ledger.tenant).exists()


@pytest.mark.parametrize("role", ["default", "owner"])
@pytest.mark.parametrize("sql", ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nobody_changes_a_snapshot(ledger: Ledger, role: str, sql: str) -> None:
    register(ledger)
    record(ledger)

    with pytest.raises(Exception, match=r"append-only|permission denied"), connections[role].cursor() as cursor:
        cursor.execute(sql.format("reserves_reservesnapshot"))

    assert ReserveSnapshot.objects.filter(tenant=ledger.tenant).count() == 1


def test_postgresql_refuses_a_snapshot_from_the_future(ledger: Ledger) -> None:
    asset = register(ledger)
    key = asset["id"][4:]

    with connection.cursor() as cursor, pytest.raises(Exception, match="taken_in_future") as refused:
        cursor.execute(
            "INSERT INTO reserves_reservesnapshot (id, tenant_id, asset_id, amount, taken_at, provenance, recorded_at)"
            " VALUES (%s, %s, %s, 1, now() + interval '1 hour', 'me', now())",
            (key, ledger.tenant, key),
        )

    assert isinstance(refused.value.__cause__, psycopg.errors.CheckViolation)
