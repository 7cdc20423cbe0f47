"""How much "recorded before it leaves" costs: group commit with 1, 8 and 64 callers, and the list over 100,000 rows.

    python benchmarks/audit_commit.py [--seconds 3] [--rows 100000] [--url postgresql://...]

Each round writes decisions with three findings (two fingerprints each) into a new SQLite file in the working
directory's file system (or the database of --url), next to bare one-row transactions through sqlite3 in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from audit.database import open_database, open_read_only
from audit.ids import new_id
from audit.query import Query, Reader, State
from audit.recorder import Recorder
from audit.records import Decision, Finding, Outcome
from audit.writer import Writer

ENTITIES = ("EMAIL_ADDRESS", "PERSON", "PHONE_NUMBER", "CREDIT_CARD", "CN_RESIDENT_ID", "LOCATION")
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def some_decision(number: int, dice: random.Random) -> Decision:
    action = dice.choices(("allow", "mask", "reroute", "block"), (50, 40, 8, 2))[0]
    upstream = dice.choice(("openai", "anthropic", "bedrock"))
    return Decision(
        id=new_id(),
        time=START + dt.timedelta(seconds=number),
        tenant="default",
        principal=f"k:{dice.randrange(200):08x}",
        upstream=upstream,
        endpoint=f"{upstream}.chat",
        action=action,
        rule=f"rule-{dice.randrange(12)}",
        reason="entity:PERSON",
        route=None if action == "block" else "local" if action == "reroute" else upstream,
        client_address="192.0.2.7",
        process="gateway-1/4711",
        model="example-model",
        request_bytes=dice.randrange(100_000),
        segments=4,
        placeholders=3,
        policy_hash="0" * 64,
        detector_version="0.1.0",
        detect_ms=1.5,
        total_ms=2.5,
        findings=tuple(
            Finding(
                entity="IBAN_CODE" if dice.random() < 0.0005 else dice.choice(ENTITIES),
                recognizer="SomeRecognizer",
                count=2,
                max_score=0.85,
                role="user",
                path="$.messages[*].content",
                action="mask",
                fingerprints=(f"{dice.randrange(1 << 20):032x}", f"{dice.randrange(1 << 20):032x}"),
            )
            for _ in range(3)
        ),
    )


def bare_inserts(path: Path, seconds: float) -> tuple[float, float]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, text TEXT)")
    took: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begun = time.perf_counter()
        connection.execute("INSERT INTO bare (text) VALUES (?)", ("x" * 400,))
        took.append(time.perf_counter() - begun)
    connection.close()
    return len(took) / seconds, statistics.median(took)


async def round_of(url: str, callers: int, seconds: float) -> tuple[float, float, float]:
    recorder = Recorder(url)
    await recorder.start()
    took: list[float] = []
    dice = random.Random(callers)
    decisions = [some_decision(n, dice) for n in range(4096)]
    end = time.perf_counter() + seconds

    async def caller() -> None:
        while time.perf_counter() < end:
            template = decisions[len(took) % len(decisions)]
            decision = Decision(**{name: getattr(template, name) for name in Decision.__slots__} | {"id": new_id()})
            begun = time.perf_counter()
            await recorder.record_decision(decision)
            took.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    elapsed = time.perf_counter() - begun
    await recorder.stop()
    took.sort()
    return len(took) / elapsed, took[len(took) // 2], took[int(len(took) * 0.99)]


def fill(url: str, rows: int) -> None:
    writer = Writer(url, busy_timeout_s=5)
    writer.open()
    dice = random.Random(7)
    for first in range(0, rows, 2000):
        decisions = [some_decision(n, dice) for n in range(first, min(first + 2000, rows))]
        outcomes = [
            Outcome(d.id, d.time, dice.choices((200, 429, 500), (97, 2, 1))[0])
            for d in decisions
            if dice.random() < 0.99
        ]
        writer.write(decisions)
        writer.write(outcomes)
    writer.close()


def list_times(url: str, rows: int) -> None:
    reader = Reader(open_read_only(url))
    middle = START + dt.timedelta(seconds=rows // 2)
    queries = {
        "newest 50": Query(),
        "one principal": Query(principal=("k:00000007",)),
        "action block": Query(action=("block",)),
        "common entity": Query(entity=("PERSON",)),
        "rare entity": Query(entity=("IBAN_CODE",)),
        "two entities": Query(entity=("PERSON", "IBAN_CODE")),
        "entity and action": Query(entity=("CREDIT_CARD",), action=("block",)),
        "fingerprint": Query(fingerprint=(f"{12345:032x}",)),
        "status 5xx": Query(status=(500, 599)),
        "unresolved": Query(state=(State.UNRESOLVED,)),
        "one hour, half-way": Query(since=middle, until=middle + dt.timedelta(hours=1)),
        "since the last day": Query(since=START + dt.timedelta(seconds=rows - 86400)),
        "until the first day": Query(until=START + dt.timedelta(days=1)),
        "nothing matches": Query(rule=("no-such-rule",)),
        "page from the middle": Query(before=rows // 2),
    }
    for name, query in queries.items():
        took = []
        for _ in range(7):
            begun = time.perf_counter()
            page = reader.page(query)
            took.append(time.perf_counter() - begun)
        print(f"  {name:22} {statistics.median(took) * 1000:8.1f} ms   {len(page.records)} records")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=3)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--url", help="an empty database other than SQLite")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=".", prefix=".audit-benchmark-") as folder:
        rate, median = bare_inserts(Path(folder, "bare.db"), chosen.seconds)
        print(f"bare INSERT + fsync, sqlite3, 1 caller: {rate:8.0f}/s   p50 {median * 1000:6.2f} ms")
        for callers in (1, 8, 64):
            url = chosen.url or f"sqlite:///{Path(folder, f'{callers}.db').resolve()}"
            open_database(url)
            rate, median, slow = asyncio.run(round_of(url, callers, chosen.seconds))
            print(f"record_decision, {callers:2} callers: {rate:8.0f}/s   "
                  f"p50 {median * 1000:6.2f} ms   p99 {slow * 1000:6.2f} ms")  # fmt: skip
        url = chosen.url or f"sqlite:///{Path(folder, 'list.db').resolve()}"
        begun = time.perf_counter()
        fill(url, chosen.rows)
        took = time.perf_counter() - begun
        print(f"filled {chosen.rows} decisions and their outcomes in {took:.1f} s")
        list_times(url, chosen.rows)


if __name__ == "__main__":
    main()
