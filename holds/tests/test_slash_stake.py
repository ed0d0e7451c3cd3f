"""slash_stake: bonded money is lost to a receiver, to a fee pool, or altogether."""

from accounts.errors import AccountFrozen, AccountNotFound, SameAccount
from holds.errors import CaptureExceedsHold, HoldNotFound, HoldNotPending
from holds.tests.story import Story
from ledger_project.kernel.errors import InvalidRequest


def test_a_slash_pays_the_victim_and_leaves_the_rest(books: Story) -> None:
    stake = books.stake(60, escrow="esc_1")

    answer = books.answer(
        "slash_stake", stake=stake, amount=45, to_account="shop", trial="trial_1", reason="wrong result"
    )

    assert books.balance("alice") == {"available": 40, "bonded": 15}
    assert books.balance("shop") == {"available": 45}
    assert books.state(stake) == ("pending", 45, 0)
    assert answer["entry"]["references"] == {"hold": stake, "trial": "trial_1", "escrow": "esc_1"}
    assert answer["entry"]["description"] == "wrong result"
    books.run("release_stake", stake=stake)
    assert books.state(stake) == ("slashed", 45, 15)
    books.right()


def test_a_slash_without_a_receiver_fills_the_fee_pool(books: Story) -> None:
    books.run("slash_stake", stake=books.stake(60), amount=60)

    assert books.balance("platform:fees:CRD") == {"fee_pool": 60}
    assert books.balance("alice") == {"available": 40}


def test_a_slash_into_a_named_pool(books: Story) -> None:
    books.open("court", type="revenue")

    books.run("slash_stake", stake=books.stake(60), amount=60, fee_account="court")

    assert books.balance("court") == {"fee_pool": 60}


def test_a_burnt_stake_leaves_circulation(books: Story) -> None:
    books.run("slash_stake", stake=books.stake(60), amount=10, burn=True)

    assert books.balance("platform:issuance:CRD") == {"available": -90}
    assert books.balance("alice") == {"available": 40, "bonded": 50}
    books.right()


def test_a_slash_has_one_destination(books: Story) -> None:
    stake = books.stake(60)

    for pair in ({"burn": True, "to_account": "shop"}, {"fee_account": "shop", "to_account": "bob"}):
        assert books.refused(InvalidRequest, "slash_stake", stake=stake, amount=1, **pair)["field"] == "to_account"


def test_the_refusals_come_in_their_order(books: Story) -> None:
    stake = books.stake(60)
    books.refused(HoldNotFound, "slash_stake", stake=books.hold(10), amount=61, to_account="nobody")
    books.refused(CaptureExceedsHold, "slash_stake", stake=stake, amount=61, to_account="nobody")
    books.refused(AccountNotFound, "slash_stake", stake=stake, amount=60, to_account="nobody")
    books.refused(SameAccount, "slash_stake", stake=stake, amount=60, to_account="alice")
    books.run("freeze_account", account="alice")
    books.refused(AccountFrozen, "slash_stake", stake=stake, amount=60, to_account="shop")
    books.run("release_stake", stake=stake)
    books.refused(HoldNotPending, "slash_stake", stake=stake, amount=61, to_account="nobody")
