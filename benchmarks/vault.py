"""What the vault adds to a reply that names a stored object, and to a request that names one: milliseconds.

    python benchmarks/vault.py [--directory DIR] [--rounds N]

One writer alone, then many at once (their writes share transactions); with no, ten and two hundred placeholders.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.restorer import Original
from addons.vault.keyring import KeyRing
from addons.vault.masters import KeyFile
from addons.vault.names import Keep
from addons.vault.service import Vault
from addons.wire.types import StoredObject

SIZES = (0, 10, 200)
AT_ONCE = 32


def originals(count: int) -> Mapping[str, Original]:
    """So many placeholders of two entities."""
    key, scope = PlaceholderKey(b"k" * 32, 1), Scope("benchmark")
    values = [("PERSON" if i % 2 else "EMAIL_ADDRESS", f"person{i}@example.com") for i in range(count)]
    return {key.placeholder(scope, entity, value): Original(value, 0, value) for entity, value in values}


async def measure(vault: Vault, count: int, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of each write alone, each look-up, and each write among ``AT_ONCE`` at once."""
    values, owner = originals(count), vault.owner("key-benchmark")
    writes, finds, crowd = [], [], []

    async def write(name: str) -> float:
        begun = time.perf_counter()
        items = [StoredObject("item", f"msg_{name}")]
        response = StoredObject("response", f"resp_{name}")
        await vault.write(Keep(owner, response, values, items))
        return (time.perf_counter() - begun) * 1000

    for i in range(rounds):
        writes.append(await write(f"{count}_{i}"))
        begun = time.perf_counter()
        found = await vault.find("key-benchmark", [StoredObject("response", f"resp_{count}_{i}")])
        finds.append((time.perf_counter() - begun) * 1000)
        assert found == [values]
    for i in range(max(1, rounds // AT_ONCE)):
        crowd += await asyncio.gather(*[write(f"{count}_{i}_{j}") for j in range(AT_ONCE)])
    return writes, finds, crowd


def shown(name: str, times: list[float]) -> str:
    """Median and 99th percentile."""
    ordered = sorted(times)
    return f"{name} {statistics.median(ordered):6.2f} (p99 {ordered[int(len(ordered) * 0.99)]:6.2f})"


async def main(directory: Path, rounds: int) -> None:
    """Print a line for each number of placeholders."""
    keys = KeyFile(directory / "vault.key")
    keys.ensure()
    vault = Vault(f"sqlite:///{directory / 'audit.db'}", KeyRing(keys), "default", time_to_live=dt.timedelta(days=30))
    await vault.start()
    for count in SIZES:
        writes, finds, crowd = await measure(vault, count, rounds)
        lines = (shown("write", writes), shown("find", finds), shown(f"write, {AT_ONCE} at once", crowd))
        print(f"{count:4} placeholders, ms: " + "  ".join(lines))
    await vault.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, help="where the database is made; default: a temporary directory")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as made:
        asyncio.run(main(Path(made), options.rounds))
