import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_project.kernel import merkle

# The inputs, roots and proofs that the certificate-transparency reference implementation tests itself with.
CT_INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A, B, C, D, E, F, G, H = (
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
)
CT_INCLUSION = [(0, 1, []), (0, 8, [A, B, C]), (5, 8, [D, E, F]), (2, 3, [G]), (1, 5, [H, B, D])]
CT_CONSISTENCY = [
    (1, 1, []),
    (1, 8, [A, B, C]),
    (6, 8, ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", E, F]),
    (2, 5, [B, D]),
]


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(hashlib.sha256(str(number).encode()).digest()) for number in range(count)]


def stored(leaf_hashes: list[bytes]) -> dict[tuple[int, int], bytes]:
    return {(level, index): value for level, index, value in merkle.append(0, leaf_hashes, {})}


def ct_tree(size: int) -> dict[tuple[int, int], bytes]:
    return stored([merkle.leaf_hash(bytes.fromhex(data)) for data in CT_INPUTS[:size]])


class CountedNodes(dict[tuple[int, int], bytes]):
    reads: list[tuple[int, int]]

    def __getitem__(self, coordinates: tuple[int, int]) -> bytes:
        self.reads.append(coordinates)
        return super().__getitem__(coordinates)


# The definitions of RFC 6962 2.1, recursive as they stand there.
def mth(hashes: list[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return hashlib.sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def path(m: int, hashes: list[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    return [*path(m, hashes[:k]), mth(hashes[k:])] if m < k else [*path(m - k, hashes[k:]), mth(hashes[:k])]


def subproof(m: int, hashes: list[bytes], whole: bool) -> list[bytes]:
    if m == len(hashes):
        return [] if whole else [mth(hashes)]
    k = split(len(hashes))
    if m <= k:
        return [*subproof(m, hashes[:k], whole), mth(hashes[k:])]
    return [*subproof(m - k, hashes[k:], False), mth(hashes[:k])]


def split(count: int) -> int:
    k = 1
    while k * 2 < count:
        k *= 2
    return k


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_reference_vectors(size: int) -> None:
    hashes = [merkle.leaf_hash(bytes.fromhex(data)) for data in CT_INPUTS[:size]]
    assert merkle.root_of(hashes).hex() == CT_ROOTS[size]
    assert merkle.root(size, stored(hashes)).hex() == CT_ROOTS[size]


@pytest.mark.parametrize(("index", "size", "expected"), CT_INCLUSION)
def test_inclusion_paths_of_the_reference_vectors(index: int, size: int, expected: list[str]) -> None:
    assert [value.hex() for value in merkle.inclusion_path(index, size, ct_tree(size))] == expected
    leaf = merkle.leaf_hash(bytes.fromhex(CT_INPUTS[index]))
    assert merkle.verify_inclusion(
        leaf, index, size, [bytes.fromhex(value) for value in expected], bytes.fromhex(CT_ROOTS[size])
    )


@pytest.mark.parametrize(("old", "new", "expected"), CT_CONSISTENCY)
def test_consistency_paths_of_the_reference_vectors(old: int, new: int, expected: list[str]) -> None:
    assert [value.hex() for value in merkle.consistency_path(old, new, ct_tree(new))] == expected
    assert merkle.verify_consistency(
        old,
        bytes.fromhex(CT_ROOTS[old]),
        new,
        bytes.fromhex(CT_ROOTS[new]),
        [bytes.fromhex(value) for value in expected],
    )


def test_every_proof_up_to_forty_leaves_is_that_of_the_rfc_and_verifies() -> None:
    hashes = leaves(40)
    nodes = stored(hashes)
    for size in range(1, 41):
        root = mth(hashes[:size])
        assert merkle.root(size, nodes) == merkle.root_of(hashes[:size]) == root
        for index in range(size):
            proof = merkle.inclusion_path(index, size, nodes)
            assert proof == path(index, hashes[:size])
            assert merkle.verify_inclusion(hashes[index], index, size, proof, root)
        for old in range(1, size + 1):
            proof = merkle.consistency_path(old, size, nodes)
            assert proof == subproof(old, hashes[:size], True)
            assert merkle.verify_consistency(old, mth(hashes[:old]), size, root, proof)


@given(st.lists(st.integers(0, 70), max_size=8))
def test_batches_of_any_size_store_what_one_batch_stores(batches: list[int]) -> None:
    hashes = leaves(sum(batches))
    nodes: dict[tuple[int, int], bytes] = {}
    size = 0
    for count in batches:
        rows = merkle.append(size, hashes[size : size + count], {peak: nodes[peak] for peak in merkle.peaks(size)})
        assert nodes.keys().isdisjoint((level, index) for level, index, _ in rows)
        nodes |= {(level, index): value for level, index, value in rows}
        size += count
        assert merkle.root(size, nodes) == merkle.root_of(hashes[:size])

    assert nodes == stored(hashes)


@given(st.integers(1, 3000), st.data())
def test_reads_are_the_announced_ones_and_logarithmic(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))

    def reads(fold: Callable[[merkle.Nodes], object]) -> list[tuple[int, int]]:
        nodes = CountedNodes(BIG_TREE)
        nodes.reads = []
        fold(nodes)
        assert len(nodes.reads) <= 2 * size.bit_length()
        return sorted(nodes.reads)

    assert reads(lambda nodes: merkle.root(size, nodes)) == sorted(merkle.peaks(size))
    assert reads(lambda nodes: merkle.inclusion_path(index, size, nodes)) == sorted(merkle.inclusion_nodes(index, size))
    assert reads(lambda nodes: merkle.consistency_path(old, size, nodes)) == sorted(merkle.consistency_nodes(old, size))


BIG_TREE = stored(leaves(3000))


@given(st.integers(1, 200), st.data())
def test_a_proof_holds_for_nothing_else(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    nodes = stored(hashes)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_path(index, size, nodes)
    root = merkle.root(size, nodes)

    other = data.draw(st.integers(-2, size + 2).filter(lambda number: number != index))
    assert not merkle.verify_inclusion(hashes[index], other, size, proof, root)
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"another"), index, size, proof, root)
    assert not merkle.verify_inclusion(hashes[index], index, size, [*proof, bytes(32)], root)
    assert not merkle.verify_inclusion(hashes[index], index, size, proof, bytes(32))
    if proof:
        assert not merkle.verify_inclusion(hashes[index], index, size, proof[:-1], root)
        flipped = data.draw(st.integers(0, len(proof) - 1))
        wrong = [bytes(32) if place == flipped else value for place, value in enumerate(proof)]
        assert not merkle.verify_inclusion(hashes[index], index, size, wrong, root)


@given(st.integers(2, 200), st.data())
def test_a_rewritten_leaf_breaks_consistency(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size - 1))
    changed = data.draw(st.integers(0, old - 1))
    hashes = leaves(size)
    old_root = merkle.root_of(hashes[:old])
    hashes[changed] = merkle.leaf_hash(b"rewritten")
    nodes = stored(hashes)

    forged = merkle.consistency_path(old, size, nodes)

    assert not merkle.verify_consistency(old, old_root, size, merkle.root(size, nodes), forged)


def test_edges_of_consistency() -> None:
    one, two = merkle.root_of(leaves(1)), merkle.root_of(leaves(2))
    assert merkle.verify_consistency(0, merkle.EMPTY_ROOT, 2, two, [])
    assert merkle.verify_consistency(0, merkle.EMPTY_ROOT, 0, merkle.EMPTY_ROOT, [])
    assert merkle.consistency_path(0, 2, {}) == []
    assert not merkle.verify_consistency(0, one, 2, two, [])
    assert not merkle.verify_consistency(2, two, 1, one, [])
    assert not merkle.verify_consistency(2, two, 2, two, [one])
    assert not merkle.verify_consistency(2, two, 2, one, [])
    assert not merkle.verify_consistency(3, one, 5, two, [])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 4), (9, 4)])
def test_no_path_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="there is no leaf"):
        merkle.inclusion_path(index, size, {})


def test_no_consistency_path_to_a_smaller_tree() -> None:
    with pytest.raises(ValueError, match="no prefix"):
        merkle.consistency_path(5, 4, {})
