"""How fast lists and statistics answer over many records, beside a plain ``SELECT ... LIMIT 50`` in the same run.

    python -m benchmarks.audit_queries --records 1000000 [--database FILE] [--rounds 5] [--time-limit 30]

Builds FILE (or one in a temporary directory) in bulk if it is not there: 45 microseconds and 0.9 kB a record.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from audit.database import open_read_only
from audit.errors import AuditError
from audit.filters import parse_where
from audit.query import Query, Reader, State
from audit.statistics import Dimension, Statistics
from benchmarks.audit_records import START, build

BEGIN = START.replace(tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def measured(name: str, rounds: int, work: Callable[[], object]) -> None:
    took: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        try:
            work()
        except AuditError as error:
            print(f"  {name:34} {error.code} after {time.perf_counter() - begun:.1f} s", flush=True)
            return
        took.append(time.perf_counter() - begun)
    took.sort()
    print(f"  {name:34} p50 {statistics.median(took) * 1000:9.1f} ms   "
          f"p95 {took[min(len(took) - 1, int(len(took) * 0.95))] * 1000:9.1f} ms", flush=True)  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=100_000)
    options.add_argument("--database", type=Path)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--time-limit", type=float, default=30.0)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path: Path = chosen.database or Path(folder, "audit.db")
        if not path.exists():
            begun = time.perf_counter()
            build(path, chosen.records)
            print(f"built {chosen.records} decisions in {time.perf_counter() - begun:.0f} s")
        run(path, chosen.rounds, chosen.time_limit)


def run(path: Path, rounds: int, time_limit_s: float) -> None:
    database = open_read_only(str(path))
    reader, sums = (kind(database, time_limit_s=time_limit_s) for kind in (Reader, Statistics))
    with database.engine.connect() as connection:
        last: int = connection.exec_driver_sql("SELECT max(seq) FROM decisions").scalar_one()
        plain = "SELECT * FROM decisions ORDER BY seq DESC LIMIT 50"
        measured("plain SELECT ... LIMIT 50", rounds, lambda: connection.exec_driver_sql(plain).fetchall())
    end = BEGIN + dt.timedelta(seconds=last * 0.7776)
    lists = {
        "newest 50": Query(),
        "from the middle": Query(before=last // 2),
        "one hour, half-way": Query(since=BEGIN + (end - BEGIN) / 2, until=BEGIN + (end - BEGIN) / 2 + DAY / 24),
        "until the first day": Query(until=BEGIN + DAY),
        "one caller's key": Query(principal=("k:00000007",)),
        "a rare caller's key": Query(principal=("k:000007cf",)),
        "a proxy user": Query(caller=("user40",)),
        "blocked": Query(action=("block",)),
        "common entity": Query(entity=("PERSON",)),
        "rare entity": Query(entity=("IBAN_CODE",)),
        "fingerprint": Query(fingerprint=(f"{12345:032x}",)),
        "status 5xx": Query(status=(500, 599)),
        "unresolved": Query(state=(State.UNRESOLVED,)),
        "withheld": Query(withheld=True),
        "total_ms>=200": Query(where=(parse_where("total_ms>=200"),)),
        "country that is not there": Query(destination_country=("ZZ",)),
        "rule that is not there": Query(rule=("no-such-rule",)),
    }
    for name, query in lists.items():
        measured(f"list: {name}", rounds, lambda query=query: reader.page(query))  # type: ignore[misc]
    hour = Query(since=end - DAY / 24)
    for name, query in {"last hour": hour, "last day": Query(since=end - DAY), "all": Query()}.items():
        measured(f"stats: {name}", rounds, lambda query=query: sums.totals(query))  # type: ignore[misc]
        measured(f"top entity: {name}", rounds, lambda query=query: sums.top(query, Dimension.ENTITY))  # type: ignore[misc]
        measured(f"top endpoint: {name}", rounds, lambda query=query: sums.top(query, Dimension.ENDPOINT))  # type: ignore[misc]
        measured(
            f"timeline by action: {name}",
            rounds,
            lambda query=query: sums.timeline(query, None, Dimension.ACTION),  # type: ignore[misc]
        )


if __name__ == "__main__":
    main()
