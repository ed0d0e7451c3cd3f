"""lock_stake: an account bonds money of its own."""

from accounts.errors import AccountFrozen, AccountNotFound, InsufficientFunds
from holds.tests.story import Story
from ledger_project.log.command import COMMANDS


def test_a_stake_is_bonded_for_an_escrow_and_a_trial(books: Story) -> None:
    answer = books.answer("lock_stake", account="alice", amount=60, escrow="esc_1", trial="trial_1")

    assert books.balance("alice") == {"available": 40, "bonded": 60}
    assert books.tail() == ["stake.locked"]
    stake = answer["stake"]
    assert (stake["kind"], stake["status"], stake["expires_at"]) == ("stake", "pending", None)
    assert stake["references"] == {"trial": "trial_1", "escrow": "esc_1"}
    assert answer["entry"]["references"] == {"hold": stake["id"], "trial": "trial_1", "escrow": "esc_1"}
    books.right()


def test_the_credit_line_is_no_collateral(books: Story) -> None:
    books.credit("alice", 50)
    assert books.refused(InsufficientFunds, "lock_stake", account="alice", amount=101)["available"] == "100"
    books.run("draw_credit", account="alice", amount=50)

    facts = books.refused(InsufficientFunds, "lock_stake", account="alice", amount=101)

    assert (facts["available"], facts["shortfall"]) == ("100", "1"), "nor is what was drawn from it"
    books.stake(100)


def test_the_refusals_come_in_their_order(books: Story) -> None:
    books.refused(AccountNotFound, "lock_stake", account="nobody", amount=1000)
    books.refused(InsufficientFunds, "lock_stake", account="alice", amount=1000)
    books.run("freeze_account", account="alice")
    books.refused(AccountFrozen, "lock_stake", account="alice", amount=10)


def test_the_seeds_names_are_kept() -> None:
    names = {command: COMMANDS[command].seed_events[0] for command in ("lock_stake", "release_stake", "slash_stake")}

    assert names == {"lock_stake": "stake_lock", "release_stake": "stake_release", "slash_stake": "stake_slash"}
