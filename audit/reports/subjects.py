"""How many distinct identifiers went where: HyperLogLog sketches over the record's keyed fingerprints.

A fingerprint stands for one value in one epoch of its key: the same value in two epochs counts twice, and a person with
a name and an address has two. So these are counts of identifiers, not of people; the largest single kind is the nearer
guess at people from below. Needs datasketches (Apache), loaded here alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from audit.errors import AuditError

LG_K = 14
"""2^14 registers."""
RELATIVE_ERROR = 1.04 / 2 ** (LG_K / 2)
"""Standard error of the estimate (Flajolet et al. 2007): 0.8 percent."""
_SIGMAS = 2


@dataclass(frozen=True, slots=True)
class Estimate:
    """A count of distinct values, and between what it lies with 95 percent."""

    count: int
    low: int
    high: int


NONE = Estimate(0, 0, 0)


class Distinct:
    """Counts distinct texts by key, in a few kilobytes for each key."""

    def __init__(self) -> None:
        try:
            import datasketches  # type: ignore[import-untyped]
        except ModuleNotFoundError:
            raise AuditError("missing", "Reports need datasketches: pip install 'coatcheck[audit]'.") from None
        self._library = datasketches
        self._sketches: dict[Any, Any] = {}

    def add(self, key: Any, value: str) -> None:
        """Count a value under a key."""
        sketch = self._sketches.get(key)
        if sketch is None:
            sketch = self._sketches[key] = self._library.hll_sketch(LG_K, self._library.HLL_8)
        sketch.update(value)

    def known(self) -> list[Any]:
        """All keys under which something was counted."""
        return list(self._sketches)

    def of(self, keys: Iterable[Any]) -> Estimate:
        """Distinct values under any of these keys."""
        union = self._library.hll_union(LG_K)
        known = [self._sketches[key] for key in keys if key in self._sketches]
        for sketch in known:
            union.update(sketch)
        if not known:
            return NONE
        found = union.get_result(self._library.HLL_8)
        return Estimate(
            round(found.get_estimate()),
            int(found.get_lower_bound(_SIGMAS)),
            int(found.get_upper_bound(_SIGMAS)) + 1,
        )
