"""How fast lists and statistics answer over many records, beside a plain ``SELECT ... LIMIT 50`` in the same run.

    python -m benchmarks.audit_queries --records 1000000 [--database FILE] [--rounds 5] [--time-limit 30]
        [--from-records] [--only WORDS]

Builds FILE (or one in a temporary directory) in bulk if it is not there (45 microseconds and 0.9 kB a record) and
summarizes it (20 microseconds and 13 bytes a record). ``--from-records``: statistics without summaries. ``--only``:
the questions whose names have one of these, with commas between. The processor's time stands beside the clock's: on a
machine that does other work the two part.
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
from audit.summaries import Summaries
from benchmarks.audit_records import START, build

BEGIN = START.replace(tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


_only = ""


def measured(name: str, rounds: int, work: Callable[[], object]) -> None:
    if not any(words in name for words in _only.split(",")):
        return
    took: list[float] = []
    worked = time.process_time()
    for _ in range(rounds):
        begun = time.perf_counter()
        try:
            work()
        except AuditError as error:
            print(f"  {name:36} {error.code} after {time.perf_counter() - begun:.1f} s", flush=True)
            return
        took.append(time.perf_counter() - begun)
    took.sort()
    print(f"  {name:36} p50 {statistics.median(took) * 1000:9.1f} ms   "
          f"p95 {took[min(len(took) - 1, int(len(took) * 0.95))] * 1000:9.1f} ms   "
          f"processor {(time.process_time() - worked) / rounds * 1000:9.1f} ms", flush=True)  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=100_000)
    options.add_argument("--database", type=Path)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--time-limit", type=float, default=30.0)
    options.add_argument("--from-records", action="store_true")
    options.add_argument("--only", default="")
    chosen = options.parse_args()
    global _only
    _only = chosen.only
    with tempfile.TemporaryDirectory() as folder:
        path: Path = chosen.database or Path(folder, "audit.db")
        if not path.exists():
            begun = time.perf_counter()
            build(path, chosen.records)
            print(f"built {chosen.records} decisions in {time.perf_counter() - begun:.0f} s")
        if not chosen.from_records:
            begun = time.perf_counter()
            made = Summaries(str(path)).build().made
            print(f"made {made} summaries in {time.perf_counter() - begun:.0f} s")
        run(path, chosen.rounds, chosen.time_limit, summaries=not chosen.from_records)


def run(path: Path, rounds: int, time_limit_s: float, *, summaries: bool) -> None:
    database = open_read_only(str(path))
    reader = Reader(database, time_limit_s=time_limit_s)
    sums = Statistics(database, time_limit_s=time_limit_s, summaries=summaries)
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
    odd = dt.timedelta(minutes=17, seconds=5)  # a time that no summary begins with
    questions = {
        "last hour": Query(since=end - DAY / 24),
        "last day": Query(since=end - DAY - odd),
        "last 30 days": Query(since=end - 30 * DAY - odd),
        "all": Query(),
        "all, masked": Query(action=("mask",)),
        "all, PERSON to US": Query(entity=("PERSON",), destination_country=("US",)),
        "some 40 days": Query(since=BEGIN + 20 * DAY + odd, until=BEGIN + 60 * DAY - odd),
    }
    for name, query in questions.items():
        asked: dict[str, Callable[[Query], object]] = {
            "stats": sums.totals,
            "top entity": lambda query: sums.top(query, Dimension.ENTITY),
            "top endpoint": lambda query: sums.top(query, Dimension.ENDPOINT),
            "top principal": lambda query: sums.top(query, Dimension.PRINCIPAL),
            "timeline by action": lambda query: sums.timeline(query, None, Dimension.ACTION),
            "timeline, hours": lambda query: sums.timeline(query, dt.timedelta(hours=1)),
        }
        for kind, ask in asked.items():
            measured(f"{kind}: {name}", rounds, lambda ask=ask, query=query: ask(query))  # type: ignore[misc]


if __name__ == "__main__":
    main()
