"""No command takes what others call a thing as mere text: the declarations, walked."""

import re
from collections.abc import Iterator

import pytest

from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import ExternalRefField, Field, ListField, MapField, RefField, TextField
from ledger_project.log.command import COMMANDS

# Arguments whose names say that they are somebody's identity of something.
SPEAKING = re.compile(
    r".*_ids?|.*_refs?|refs?|references?|source|domains?|escrow|trial|job|order|request|payment|payout|dispute|batch"
)


def arguments() -> Iterator[tuple[str, Field]]:
    for command in COMMANDS.values():
        for name, field in command.fields.items():
            if SPEAKING.fullmatch(name):
                yield f"{command.name}.{name}", field


FOUND = dict(arguments())


def test_there_is_something_to_walk() -> None:
    assert len(FOUND) >= 40
    assert {"record_deposit.source", "confirm_withdrawal.external_ref", "settle_batch.domains"} <= FOUND.keys()


@pytest.mark.parametrize("name", FOUND)
def test_an_identity_of_others_is_no_mere_text(name: str) -> None:
    """Give such an argument the type `ExternalRef`, or a field of that class with a pattern of its own."""
    field: Field = FOUND[name]
    field = field.item if isinstance(field, ListField) else field
    field = field.value if isinstance(field, MapField) else field
    assert not isinstance(field, TextField) or isinstance(field, ExternalRefField | RefField), name

    if isinstance(field, ExternalRefField):
        assert field.parse(" r\u00e9f ", name) == field.parse("re\u0301f", name) == "r\u00e9f"
        for odd in ("\u200b", "\u00ad", "\u202e", "\n", "\x00", "\ud800", "\U000e0041"):
            with pytest.raises(InvalidRequest):
                field.parse(f"r{odd}f", name)
