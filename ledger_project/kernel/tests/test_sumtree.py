import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_project.kernel.sumtree import EMPTY, SumNode, SumTree, derive_salt, leaf, node, verify

SECRET = b"the attestation's own secret"
LARGEST_AMOUNT = 10**38 - 1


def make_leaf(account: str, balance: int, scope: str = "att_1/CRD") -> SumNode:
    return leaf(scope=scope, account=account, balance=balance, salt=derive_salt(SECRET, scope=scope, account=account))


def book(balances: list[int]) -> dict[str, SumNode]:
    return {f"acc_{number}": make_leaf(f"acc_{number}", balance) for number, balance in enumerate(balances)}


def is_counted(one: SumNode, tree: SumTree, root: SumNode) -> bool:
    index = tree.index(one)
    return verify(one, index, tree.size, tree.path(index), root)


balance_lists = st.lists(st.integers(0, LARGEST_AMOUNT), min_size=1, max_size=40)


@given(balance_lists)
def test_every_account_is_counted_and_they_add_up(balances: list[int]) -> None:
    leaves = book(balances)
    tree = SumTree(leaves.values())

    assert tree.root.total == sum(balances)
    assert all(is_counted(one, tree, tree.root) for one in leaves.values())


def test_ten_thousand_accounts_are_counted_and_add_up() -> None:
    balances = [number * 7919 % 1_000_003 for number in range(10_000)]
    leaves = book(balances)
    tree = SumTree(leaves.values())

    assert tree.root.total == sum(balances)
    assert all(is_counted(one, tree, tree.root) for one in leaves.values())
    assert all(len(tree.path(index)) <= 14 for index in range(0, 10_000, 97))


@given(balance_lists, st.data())
def test_a_lowered_account_is_found_by_its_own_proof(balances: list[int], data: st.DataObject) -> None:
    leaves = book([*balances, 1])
    victim = data.draw(st.sampled_from([name for name in leaves if leaves[name].total]))
    lowered = data.draw(st.integers(0, leaves[victim].total - 1))
    tree = SumTree({**leaves, victim: make_leaf(victim, lowered)}.values())

    # Whatever place and path of the published tree the custodian shows, the true leaf does not fit.
    assert not any(verify(leaves[victim], index, tree.size, tree.path(index), tree.root) for index in range(tree.size))
    assert all(is_counted(leaves[name], tree, tree.root) for name in leaves if name != victim)


@given(st.lists(st.integers(0, LARGEST_AMOUNT), min_size=2, max_size=40), st.data())
def test_a_removed_account_is_found_by_its_own_proof(balances: list[int], data: st.DataObject) -> None:
    leaves = book(balances)
    victim = data.draw(st.sampled_from(list(leaves)))
    honest = SumTree(leaves.values())
    cheating = SumTree(one for name, one in leaves.items() if name != victim)
    index = honest.index(leaves[victim])

    assert not verify(leaves[victim], index, honest.size, honest.path(index), cheating.root)
    assert not any(
        verify(leaves[victim], place, cheating.size, cheating.path(place), cheating.root)
        for place in range(cheating.size)
    )


def test_the_attack_on_the_naive_tree_fails() -> None:
    # Alice and Bob are owed 10 and 7. The custodian wants to publish 10, and to show Bob a node whose sum is the larger
    # of the two instead of both together.
    alice, bob = make_leaf("alice", 10), make_leaf("bob", 7)
    honest = node(alice, bob)

    for claimed in (SumNode(honest.digest, 10), SumNode(node(alice, SumNode(bob.digest, 0)).digest, 10)):
        assert not verify(bob, 1, 2, [alice], claimed)
        assert not verify(bob, 1, 2, [SumNode(alice.digest, 3)], claimed)
    assert verify(bob, 1, 2, [alice], honest)


def test_negative_sums_are_refused_everywhere() -> None:
    with pytest.raises(ValueError, match="negative"):
        make_leaf("alice", -1)
    alice = make_leaf("alice", 10)
    debt = SumNode(bytes(32), -10)
    with pytest.raises(ValueError, match="negative"):
        node(alice, debt)
    assert not verify(alice, 0, 2, [debt], SumNode(bytes(32), 0))
    assert not verify(debt, 0, 1, [], debt)


def test_sums_beyond_their_width_are_refused() -> None:
    alice = make_leaf("alice", 10)
    wrapping = SumNode(bytes(32), 2**256 - 10)
    assert not verify(alice, 0, 2, [wrapping], SumNode(node(alice, wrapping).digest, 0))
    assert not verify(alice, 0, 2, [wrapping], node(alice, wrapping))


def test_a_proof_holds_for_nothing_else() -> None:
    leaves = book([5, 0, 17, 17, 3])
    tree = SumTree(leaves.values())
    one = leaves["acc_2"]
    index = tree.index(one)
    path = tree.path(index)

    assert verify(one, index, tree.size, path, tree.root)
    assert not verify(one, index, tree.size, path, SumNode(tree.root.digest, tree.root.total - 1))
    assert not verify(one, index, tree.size, path[:-1], tree.root)
    assert not verify(one, index, tree.size, [*path, EMPTY], tree.root)
    assert not any(verify(one, other, tree.size, path, tree.root) for other in range(-1, 7) if other != index)
    assert not is_counted(one, tree, SumTree([*leaves.values(), make_leaf("mallory", 0)]).root)
    # Neither another scope nor another salt makes the same leaf.
    assert not verify(make_leaf("acc_2", 17, scope="att_1/USD"), index, tree.size, path, tree.root)
    assert not verify(
        leaf(scope="att_1/CRD", account="acc_2", balance=17, salt=bytes(32)), index, tree.size, path, tree.root
    )


def test_an_inner_node_is_no_leaf() -> None:
    tree = SumTree(book([1, 2, 3, 4]).values())
    inner = tree.path(0)[1]
    assert verify(inner, 1, 2, [node(*sorted(book([1, 2, 3, 4]).values())[:2])], tree.root)
    # The walk alone cannot tell, which is why a verifier makes the leaf: the tags keep the two kinds of hash apart.
    assert inner.digest not in {one.digest for one in book([1, 2, 3, 4]).values()}


def test_the_bytes_are_the_documented_ones() -> None:
    salt = bytes(range(32))
    one = leaf(scope="att_1/CRD", account="acc_é", balance=258, salt=salt)
    assert (
        one.digest
        == hashlib.sha256(
            b"ledger/sumtree/v1/leaf\x00"
            + salt
            + b"\x00\x00\x00\x09att_1/CRD"
            + b"\x00\x00\x00\x06acc_\xc3\xa9"
            + bytes(30)
            + b"\x01\x02"
        ).digest()
    )
    both = node(one, SumNode(b"\x07" * 32, LARGEST_AMOUNT))
    assert both.total == LARGEST_AMOUNT + 258
    assert (
        both.digest
        == hashlib.sha256(
            b"ledger/sumtree/v1/node\x01"
            + one.digest
            + (258).to_bytes(32, "big")
            + b"\x07" * 32
            + LARGEST_AMOUNT.to_bytes(32, "big")
        ).digest()
    )


def test_order_of_reading_does_not_matter_and_leaves_are_distinct() -> None:
    leaves = list(book([5, 5, 5]).values())
    assert SumTree(leaves).root == SumTree(reversed(leaves)).root
    with pytest.raises(ValueError, match="the same"):
        SumTree([leaves[0], *leaves])


def test_no_accounts_no_debt() -> None:
    assert SumTree([]).root == EMPTY
    assert EMPTY.total == 0
    with pytest.raises(ValueError, match="there is no leaf"):
        SumTree([]).path(0)


def test_field_boundaries_are_hashed() -> None:
    salt = bytes(32)
    assert leaf(scope="a", account="bc", balance=1, salt=salt) != leaf(scope="ab", account="c", balance=1, salt=salt)
    assert derive_salt(SECRET, scope="a", account="bc") != derive_salt(SECRET, scope="ab", account="c")
