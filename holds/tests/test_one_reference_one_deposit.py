"""External references are compared as what they mean: one payment counts once, however its reference is spelt."""

import pytest

from holds.errors import DuplicateDeposit, DuplicateWithdrawal
from holds.models import Deposit
from holds.tests.story import Story
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.log.executor import Done
from ledger_project.testing.crowd import together
from ledger_project.testing.hostile import APP, OWNER, attempt, constraint

HASH = "ab" * 31 + "c1"
SPELLINGS = {
    "as an explorer shows it": f"0x{HASH}",
    "digits in capitals": f"0x{HASH.upper()}",
    "mixed": f"0x{HASH[:32]}{HASH[32:].upper()}",
    "all in capitals": f"0X{HASH.upper()}",
    "blanks around it": f"  0x{HASH} ",
    "without its 0x": HASH,
    "without its 0x, in capitals": HASH.upper(),
}


def record(books: Story, spelling: str) -> None:
    books.answer("record_deposit", account="bob", amount=60, source="base", external_ref=spelling)


def test_seven_spellings_of_one_hash_are_credited_once(books: Story) -> None:
    call = {"account": "bob", "amount": 60, "source": "base"}
    results = [books.execute(books.call("record_deposit", external_ref=each, **call))[0] for each in SPELLINGS.values()]

    credited = [how for how, result in zip(SPELLINGS, results, strict=True) if isinstance(result, Done)]
    assert credited == ["as an explorer shows it"]
    assert {type(result) for result in results[1:]} == {DuplicateDeposit}
    assert books.balance("bob") == {"available": 60}
    books.right()


@pytest.mark.parametrize("how", SPELLINGS)
def test_the_stored_form_is_what_was_sent(books: Story, how: str) -> None:
    record(books, SPELLINGS[how])

    stored = Deposit.objects.get(tenant=books.tenant)
    assert stored.external_ref == SPELLINGS[how].strip()
    books.right()


def test_spellings_in_one_batch_and_at_once_are_credited_once(books: Story) -> None:
    call = {"account": "bob", "amount": 60, "source": "base"}
    in_one = books.execute(*(books.call("record_deposit", external_ref=each, **call) for each in SPELLINGS.values()))
    assert [isinstance(each, DuplicateDeposit) for each in in_one] == [False] + [True] * 6

    other = {name: spelling.replace("c1", "c2").replace("C1", "C2") for name, spelling in SPELLINGS.items()}
    calls = [books.call("record_deposit", external_ref=each, **call) for each in other.values()]
    at_once = together([lambda call=call: books.execute(call)[0] for call in calls])
    assert sum(isinstance(each, DuplicateDeposit) for each in at_once) == 6
    assert books.balance("bob") == {"available": 120}


@pytest.mark.parametrize(
    "odd", ["\u200b", "\u00ad", "\u2066", "\ufeff", "\u034f", "\U000e0001", "\n", "\x00", "\ud800"]
)
def test_what_nobody_sees_is_refused(books: Story, odd: str) -> None:
    for spelling in (f"0x{HASH}{odd}", f"{odd}0x{HASH}", f"0x{odd}{HASH}"):
        with pytest.raises(InvalidRequest):
            record(books, spelling)
    assert books.balance("bob") == {}


def test_an_accent_written_in_two_ways_is_one(books: Story) -> None:
    record(books, "re\u0301f")
    with pytest.raises(DuplicateDeposit):
        record(books, "r\u00e9f")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5KtPn1", "5ktpn1"),  # base58, of which every letter counts
        ("pi_3MtwBw", "pi_3mtwbw"),
        ("0xfeed", "0xFEED"),  # neither an address nor a hash
        ("ab" * 20, "AB" * 20),  # forty digits without 0x may be anything
    ],
)
def test_elsewhere_capitals_count(books: Story, one: str, other: str) -> None:
    record(books, one), record(books, other)

    assert books.balance("bob") == {"available": 120}


def test_one_payment_pays_one_withdrawal(books: Story) -> None:
    made = [books.withdrawal(10), books.withdrawal(10)]
    books.run("confirm_withdrawal", withdrawal=made[0], external_ref=f"0x{HASH}")

    for spelling in SPELLINGS.values():
        facts = books.refused(DuplicateWithdrawal, "confirm_withdrawal", withdrawal=made[1], external_ref=spelling)
        assert facts["withdrawal"] == made[0]
    books.right()


@pytest.mark.parametrize("role", [APP, OWNER])
def test_postgresql_says_the_same(books: Story, role: str) -> None:
    record(books, HASH)
    confirmed = books.withdrawal(10)
    books.run("confirm_withdrawal", withdrawal=confirmed, external_ref=HASH)
    pending = books.withdrawal(10)

    for spelling in SPELLINGS.values():
        error = attempt(role, _recording(books, spelling.strip()))
        assert constraint(error) == "duplicate_deposit"
    for unfit in (f"0x{HASH}\u200b", f" {HASH}", "re\u0301f"):
        assert constraint(attempt(role, _recording(books, unfit))) == "deposit_reference"
        assert constraint(attempt(role, _paying(pending, unfit))) == "withdrawal_reference"
    assert constraint(attempt(role, _paying(pending, f"0X{HASH.upper()}"))) == "duplicate_withdrawal"


def _recording(books: Story, external_ref: str) -> str:
    return (
        "INSERT INTO holds_deposit"
        " (id, tenant_id, account_id, amount, source, external_ref, status, reason, created_at, updated_at)"
        f" SELECT gen_random_uuid(), tenant_id, account_id, 60, 'base', '{external_ref}', 'announced', '', now(), now()"
        f" FROM holds_deposit WHERE tenant_id = {books.tenant}"
    )


def _paying(hold: str, external_ref: str) -> str:
    return (
        f"UPDATE holds_hold SET external_ref = '{external_ref}', status = 'confirmed', captured = amount"
        f" WHERE id = '{hold[4:]}'"
    )
