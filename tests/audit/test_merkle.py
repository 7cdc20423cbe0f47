"""The tree against RFC 6962's own definition, every size and every pair, and against published vectors."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    Node,
    Range,
    consistency_path,
    fold,
    hash_leaf,
    hash_node,
    inclusion_path,
    is_consistent,
    nodes_of,
    root_of_inclusion,
)

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "ledger" / "tree.json").read_text())


def leaves(count: int) -> list[bytes]:
    return [hash_leaf(number.to_bytes(4, "big")) for number in range(count)]


def mth(hashes: Sequence[bytes]) -> bytes:
    """The definition: RFC 9162, section 2.1.1."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hash_node(mth(hashes[:k]), mth(hashes[k:]))


def grown(hashes: Sequence[bytes]) -> tuple[Frontier, dict[Node, bytes]]:
    frontier, nodes = Frontier(), {}
    for index, leaf in enumerate(hashes):
        nodes[Node(0, index)] = leaf
        nodes.update(frontier.append(leaf))
    return frontier, nodes


def proof(ranges: Sequence[Range], nodes: dict[Node, bytes]) -> list[bytes]:
    return [fold([nodes[node] for node in nodes_of(one)]) for one in ranges]


@pytest.mark.parametrize("size", range(70))
def test_the_root_is_that_of_the_definition(size: int) -> None:
    hashes = leaves(size)
    frontier, nodes = grown(hashes)
    assert frontier.root() == mth(hashes)
    assert fold([nodes[node] for node in nodes_of((0, size))]) == mth(hashes)
    assert all(value == mth(hashes[node.first : node.last + 1]) for node, value in nodes.items())
    assert len(nodes) == sum(size >> level for level in range(8))


def test_every_leaf_of_every_small_tree_is_proved_at_its_place_and_nowhere_else() -> None:
    for size in range(1, 34):
        hashes = leaves(size)
        frontier, nodes = grown(hashes)
        for index in range(size):
            path = proof(inclusion_path(index, size), nodes)
            assert root_of_inclusion(hashes[index], index, size, path) == frontier.root()
            wrong = [root_of_inclusion(hashes[index], other, size, path) for other in range(size) if other != index]
            assert frontier.root() not in wrong
            assert root_of_inclusion(hashes[index], index, size, [*path, path[0] if path else EMPTY_ROOT]) is None
            if path:
                assert root_of_inclusion(hashes[index], index, size, path[:-1]) != frontier.root()


def test_every_pair_of_small_trees_is_consistent_and_no_other_root_is() -> None:
    hashes = leaves(34)
    roots = [mth(hashes[:size]) for size in range(35)]
    _, nodes = grown(hashes)
    for new in range(35):
        for old in range(new + 1):
            path = proof(consistency_path(old, new), nodes)
            assert is_consistent(old, roots[old], new, roots[new], path)
            assert not is_consistent(old, EMPTY_ROOT[::-1], new, roots[new], path)
            assert old == 0 or not is_consistent(old, roots[old], new, EMPTY_ROOT[::-1], path)
            assert not is_consistent(old, roots[old], new, roots[new], [*path, EMPTY_ROOT])
            assert not path or not is_consistent(old, roots[old], new, roots[new], path[1:])


@given(st.data())
def test_any_size_and_any_pair(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 700))
    old = data.draw(st.integers(0, new))
    index = data.draw(st.integers(0, new - 1))
    hashes = leaves(new)
    frontier, nodes = grown(hashes)
    path = proof(inclusion_path(index, new), nodes)
    assert root_of_inclusion(hashes[index], index, new, path) == frontier.root() == mth(hashes)
    assert len(path) <= (new - 1).bit_length()
    between = proof(consistency_path(old, new), nodes)
    assert is_consistent(old, mth(hashes[:old]), new, frontier.root(), between)
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        bent = [*path[:place], hash_leaf(path[place]), *path[place + 1 :]]
        assert root_of_inclusion(hashes[index], index, new, bent) != frontier.root()
    if between:
        place = data.draw(st.integers(0, len(between) - 1))
        bent = [*between[:place], hash_leaf(between[place]), *between[place + 1 :]]
        assert not is_consistent(old, mth(hashes[:old]), new, frontier.root(), bent)


@given(st.integers(1, 2**62), st.data())
def test_paths_of_huge_trees_are_short_and_made_of_complete_subtrees(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    ranges = inclusion_path(index, size)
    assert len(ranges) <= (size - 1).bit_length()
    covered = sorted([*ranges, (index, index + 1)])
    assert covered[0][0] == 0 and covered[-1][1] == size
    assert all(left[1] == right[0] for left, right in itertools.pairwise(covered))
    for one in ranges:
        nodes = nodes_of(one)
        assert nodes[0].first == one[0] and nodes[-1].last == one[1] - 1
        assert len(nodes) <= 62


def test_a_copied_frontier_grows_alone() -> None:
    frontier, _ = grown(leaves(5))
    other = frontier.copy()
    other.append(EMPTY_ROOT)
    assert frontier.root() == mth(leaves(5))
    assert other.size == 6


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_path_for_a_leaf_outside(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="not in the tree"):
        inclusion_path(index, size)
    assert root_of_inclusion(EMPTY_ROOT, index, size, []) is None


def test_no_path_to_a_smaller_tree() -> None:
    with pytest.raises(ValueError, match="does not shrink"):
        consistency_path(3, 2)
    assert not is_consistent(3, EMPTY_ROOT, 2, EMPTY_ROOT, [EMPTY_ROOT])


def test_vectors_of_certificate_transparency() -> None:
    """Roots, inclusion and consistency proofs over the eight leaves that CT implementations publish."""
    data = [bytes.fromhex(text) for text in VECTORS["leaves"]]
    hashes = [hash_leaf(one) for one in data]
    frontier, nodes = grown(hashes)
    assert [mth(hashes[:size]).hex() for size in range(len(data) + 1)] == VECTORS["roots"]
    assert frontier.root().hex() == VECTORS["roots"][-1]
    for one in VECTORS["inclusion"]:
        path = proof(inclusion_path(one["leaf"], one["size"]), nodes)
        assert [value.hex() for value in path] == one["proof"]
        assert root_of_inclusion(hashes[one["leaf"]], one["leaf"], one["size"], path) == mth(hashes[: one["size"]])
    for one in VECTORS["consistency"]:
        path = proof(consistency_path(one["old"], one["new"]), nodes)
        assert [value.hex() for value in path] == one["proof"]
