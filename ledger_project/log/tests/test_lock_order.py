"""Every kind of row has its own place in the order of locks, and nothing is wanted that nobody locks."""

import pytest

from ledger_project.log.command import COMMANDS
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Row, Store, Wants
from ledger_project.testing.ledger import Ledger


def test_two_kinds_of_rows_have_no_common_place_in_the_lock_order() -> None:
    assert [store.rank for store in Store.all] == list(LockOrder)
    with pytest.raises(TypeError, match="one place in the lock order"):
        type("Second", (Store,), {"rank": LockOrder.HOLD, "row": type("Row2", (Row,), {}), "kinds": frozenset({"x"})})


def test_what_no_store_reads_cannot_be_wanted(ledger: Ledger) -> None:
    with pytest.raises(LookupError, match="acount"):
        Wants(tenant=ledger.tenant, slot=0, committed=True).add("acount", "alice")


def test_what_fields_refer_to_is_read_by_a_store() -> None:
    unknown = {
        (command.name, name, field.kind)
        for command in COMMANDS.values()
        for name, field in command.fields.items()
        if hasattr(field, "kind") and field.kind not in Store.known.keys() | Store.leading
    }
    assert unknown == set()
