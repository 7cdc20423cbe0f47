"""The stream's promises with a receiver made of Python: in order, at least once, no gap, a place that is durable."""

from __future__ import annotations

import itertools
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.database import open_read_only
from audit.errors import AuditError
from audit.recorder import Recorder
from audit.tail import follow
from audit.tail.batch import Batch, Refused, StreamFormat
from audit.tail.cursor import Cursor, Place, cursor_path
from audit.tail.follow import Backoff, Follower, starting_place
from tests.audit.conftest import make_decision
from tests.audit.exports.conftest import Ledger


class Taker:
    """Takes leaves, or fails as it is told to."""

    def __init__(self, *failures: Refused | Exception | None) -> None:
        self.failures = list(failures)
        self.offered: list[tuple[int, int]] = []
        self.taken: list[int] = []

    def deliver(self, batch: Batch) -> None:
        self.offered.append((batch.first, batch.last))
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.taken += [json.loads(line)["leaf"] for line in batch.lines]

    def close(self) -> None:
        """Nothing is open."""


class Clock:
    """Waits by noting it; says stop at the wait of that number."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.waits: list[float] = []
        self.stop_at = stop_at

    def __call__(self, seconds: float) -> bool:
        if seconds:
            self.waits.append(seconds)
        return self.stop_at is not None and len(self.waits) >= self.stop_at


def follower(
    ledger: Ledger, taker: Taker, cursor: Cursor | None = None, clock: Callable[[float], bool] | None = None,
    told: list[str] | None = None, attempts: int | None = None,
) -> Follower:  # fmt: skip
    words = [] if told is None else told
    backoff = Backoff(attempts=attempts, draw=lambda: 1.0)
    database = open_read_only(ledger.url)
    wait = Clock() if clock is None else clock
    return Follower(database, taker, StreamFormat.JSON, cursor, wait=wait, told=words.append, backoff=backoff)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "MAX_ENTRIES", 3)


@pytest.mark.usefixtures("small_batches")
def test_every_leaf_once_in_order_and_the_cursor_behind_it(ledger: Ledger, tmp_path: Path) -> None:
    taker, cursor = Taker(), Cursor(tmp_path / "c.json")
    stream = follower(ledger, taker, cursor)
    stream.run(0, once=True)
    assert taker.taken == list(range(10)) and stream.delivered == 10
    assert taker.offered == [(0, 2), (3, 5), (6, 8), (9, 9)]
    place = cursor.load()
    assert place is not None and place.next == 10
    assert starting_place(open_read_only(ledger.url), place, 0) == 10
    cursor.close()


@pytest.mark.usefixtures("small_batches")
def test_a_receiver_that_fails_gets_the_same_batch_again_later_and_later(ledger: Ledger, tmp_path: Path) -> None:
    cursor, clock, told = Cursor(tmp_path / "c.json"), Clock(), list[str]()
    taker = Taker(None, *(Refused("The receiver is away.") for _ in range(8)))
    seen: list[int] = []
    deliver = taker.deliver

    def watched(batch: Batch) -> None:
        place = cursor.load()
        seen.append(0 if place is None else place.next)
        deliver(batch)

    taker.deliver = watched  # type: ignore[method-assign]
    follower(ledger, taker, cursor, clock, told).run(0, once=True)
    assert taker.taken == list(range(10))
    assert taker.offered[1:10] == [(3, 5)] * 9
    assert seen[:10] == [0, *[3] * 9]  # it does not move before the batch is accepted
    assert clock.waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert told == ["The receiver is away. It is tried again until it works.",
                    "Entries are accepted again, after 8 attempts that failed."]  # fmt: skip
    cursor.close()


def test_jitter_spreads_the_attempts() -> None:
    assert [Backoff(draw=lambda: 0.0).pause(n) for n in (1, 2, 9)] == [0.5, 1, 30]
    assert Backoff(draw=lambda: 0.5).pause(1) == 0.75
    assert Backoff().pause(10_000) <= 60


@pytest.mark.usefixtures("small_batches")
def test_killed_before_the_cursor_moved_it_delivers_again_and_leaves_no_gap(ledger: Ledger, tmp_path: Path) -> None:
    """For every point of death: what the next run begins with joins what came before."""
    for death in range(1, 5):
        cursor = Cursor(tmp_path / f"{death}.json")
        taker = Taker()
        saves = itertools.count(1)
        save = cursor.save

        def dies(place: Place, save: Callable[[Place], None] = save, saves: itertools.count[int] = saves,
                 death: int = death) -> None:  # fmt: skip
            if next(saves) == death:
                raise KeyboardInterrupt
            save(place)

        cursor.save = dies  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            follower(ledger, taker, cursor).run(0, once=True)
        cursor.close()
        again = Cursor(tmp_path / f"{death}.json")
        start = starting_place(open_read_only(ledger.url), again.load(), 0)
        follower(ledger, taker, again).run(start, once=True)
        again.close()
        assert sorted(set(taker.taken)) == list(range(10))
        assert len(taker.taken) > 10  # the batch that was accepted and not noted came twice


def test_what_trying_again_will_not_change_stops_it(ledger: Ledger, tmp_path: Path) -> None:
    cursor = Cursor(tmp_path / "c.json")
    with pytest.raises(AuditError, match="Entries 0 and later were not delivered"):
        follower(ledger, Taker(Refused("No.", again=False)), cursor).run(0)
    assert cursor.load() is None
    cursor.close()
    with pytest.raises(AuditError, match="away"):
        follower(ledger, Taker(*[Refused("It is away.")] * 3), attempts=3).run(0, once=True)


def test_a_batch_that_is_too_large_is_halved_until_it_is_not(ledger: Ledger) -> None:
    too_large = Refused("Too long.", again=False, smaller=True)
    taker = Taker(too_large, too_large)
    follower(ledger, taker).run(0, once=True)
    assert taker.taken == list(range(10))
    assert taker.offered[:3] == [(0, 9), (0, 4), (0, 1)]
    with pytest.raises(AuditError, match=r"Too long\. Entries 0 and later"):
        follower(ledger, Taker(*[too_large] * 9)).run(0, once=True)


def test_long_entries_make_short_batches(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "MAX_CHARACTERS", 10)
    taker = Taker()
    follower(ledger, taker).run(0, once=True)
    assert taker.offered == [(leaf, leaf) for leaf in range(10)]


def test_told_to_stop_it_stops_while_it_waits_for_the_receiver(ledger: Ledger) -> None:
    taker = Taker(*[Refused("Away.", after_s=5)] * 100)
    clock = Clock(stop_at=3)
    follower(ledger, taker, clock=clock).run(0)
    assert clock.waits == [5, 5, 5] and taker.taken == []


async def test_it_follows_what_comes(url: str) -> None:
    recorder = Recorder(url)
    await recorder.start()
    for _ in range(2):
        await recorder.record_decision(make_decision())
    taker, waits = Taker(), list[float]()
    stream = Follower(open_read_only(url), taker, StreamFormat.JSON, None, wait=lambda s: bool(s and waits.append(s)),
                      told=lambda _: None)  # fmt: skip
    stream.run(0, once=True)
    await recorder.record_decision(make_decision())
    await recorder.stop()
    waiting = Clock(stop_at=1)
    stream = Follower(open_read_only(url), taker, StreamFormat.JSON, None, wait=waiting, told=lambda _: None)
    stream.run(2)
    assert taker.taken == [0, 1, 2] and waiting.waits == [1.0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM ledger WHERE leaf = 4", "Ledger entries 4 to 4 are missing"),
        ("UPDATE decisions SET rule = 'other' WHERE seq = 3", "is not as it was recorded"),
        ("UPDATE ledger SET kind = 'riddle' WHERE leaf = 5", "does not know"),
    ],
)
@pytest.mark.usefixtures("small_batches")
def test_a_damaged_ledger_stops_it_where_it_is_damaged(ledger: Ledger, tmp_path: Path, change: str, words: str) -> None:
    state = tmp_path / "copy"
    shutil.copytree(ledger.state, state)
    connection = sqlite3.connect(state / "audit.db")
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute(change)
    connection.commit()
    connection.close()
    taker = Taker()
    with pytest.raises(AuditError, match=words):
        follower(Ledger(state, []), taker).run(0, once=True)
    assert taker.taken == [0, 1, 2]


def test_a_cursor_of_another_ledger_is_not_taken(ledger: Ledger, tmp_path: Path) -> None:
    database = open_read_only(ledger.url)
    assert starting_place(database, None, 7) == 7
    assert starting_place(database, Place(0, None), 7) == 0
    for place in (Place(5, "00" * 32), Place(500, "00" * 32)):
        with pytest.raises(AuditError, match="another ledger"):
            starting_place(database, place, 0)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"format": "coatcheck-cursor/1", "next": -1, "last_hash": null}',
     '{"format": "coatcheck-cursor/1", "next": true, "last_hash": null}',
     '{"format": "coatcheck-cursor/1", "next": 1, "last_hash": "x"}', "\udcff"],
)  # fmt: skip
def test_what_is_no_cursor(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    cursor = Cursor(tmp_path / "c.json")
    with pytest.raises(AuditError, match="no cursor"):
        cursor.load()
    cursor.close()


def test_a_cursor_is_one_stream_s_and_is_replaced_whole(tmp_path: Path) -> None:
    cursor = Cursor(tmp_path / "deep" / "c.json")
    cursor.save(Place(3, "ab" * 32))
    with pytest.raises(AuditError, match="in use"):
        Cursor(tmp_path / "deep" / "c.json")
    cursor.close()
    again = Cursor(tmp_path / "deep" / "c.json")
    assert again.load() == Place(3, "ab" * 32)
    again.close()
    assert {one.name for one in (tmp_path / "deep").iterdir()} == {"c.json", ".c.json.lock"}
    with pytest.raises(AuditError, match="cannot be opened"):
        Cursor(tmp_path / "deep" / "c.json" / "x.json")


def test_names_of_cursors(tmp_path: Path) -> None:
    assert cursor_path("siem", tmp_path) == tmp_path / "cursors" / "siem.json"
    assert cursor_path("./here", tmp_path) == Path("here")
    for name in ("", "..", "a b", "-x"):
        with pytest.raises(AuditError):
            cursor_path(name, tmp_path)
