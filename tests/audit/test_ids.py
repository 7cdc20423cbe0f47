"""UUIDv7: layout of RFC 9562, and strict order whatever the clock does."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from audit.ids import UuidSource, new_id


def test_layout_of_the_rfc_example() -> None:
    """RFC 9562, appendix A.6: 017F22E2-79B0-7CC3-98C4-DC0C0C07398F."""
    rand_a, rand_b = 0xCC3, 0x18C4DC0C0C07398F
    source = UuidSource(lambda: 0x017F22E279B0, lambda bits: (rand_a << 62) | rand_b)
    assert source.next() == uuid.UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")


def test_an_id_says_its_version_variant_and_time() -> None:
    before = time.time_ns() // 1_000_000
    key = uuid.UUID(new_id())
    assert key.version == 7
    assert key.variant == uuid.RFC_4122
    assert before <= key.int >> 80


@given(
    clock=st.lists(st.integers(0, (1 << 48) - 1) | st.integers(1000, 1003), min_size=1, max_size=60),
    draws=st.integers(0, (1 << 73) - 1),
)
def test_ids_grow_while_the_clock_stands_jumps_or_steps_back(clock: list[int], draws: int) -> None:
    ticks: Iterator[int] = iter(clock)
    source = UuidSource(lambda: next(ticks), lambda bits: draws & ((1 << bits) - 1))
    ids = [source.next() for _ in clock[:-1]]
    assert all(one < other for one, other in itertools.pairwise(ids))
    assert all(key.version == 7 and key.variant == uuid.RFC_4122 for key in ids)
    assert [str(key) for key in ids] == sorted(str(key) for key in ids)


def test_a_counter_that_runs_over_borrows_a_millisecond() -> None:
    source = UuidSource(lambda: 5, lambda bits: (1 << bits) - 1)
    first = source.next()
    source._last_random = (1 << 74) - 1
    second = source.next()
    assert (first.int >> 80, second.int >> 80) == (5, 6)
    assert second > first


def test_threads_never_get_the_same_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = [key for part in pool.map(lambda _: [new_id() for _ in range(500)], range(8)) for key in part]
    assert len(set(ids)) == 4000
