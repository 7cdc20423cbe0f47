"""The journal's files: every cut and every flipped bit is noticed, nothing readable is lost, nobody's file is taken."""

from __future__ import annotations

import datetime as dt
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.errors import AuditError
from audit.journal import Journal, JournalPlan, scan
from audit.journal_drain import drain
from audit.journal_format import HEADER_BYTES, Batch, batch, decode, encode, header
from audit.records import Decision, Outcome
from audit.writer import Writer
from tests.audit.conftest import make_decision, make_finding, make_outcome, make_policy

type Make[T] = Callable[..., T]

NAME = bytes(range(16))


def plan(folder: Path, max_bytes: int = 10_000_000) -> JournalPlan:
    return JournalPlan(folder / "journal", max_bytes)


def files(folder: Path, suffix: str = ".journal") -> list[Path]:
    return sorted((folder / "journal").glob(f"*{suffix}"))


def taken(journal: Journal) -> list[bytes]:
    """Everything, as draining takes it."""
    found = []
    while batches := journal.next(2):
        found += [line for one in batches for line in one.payload.splitlines(keepends=True)]
        journal.drained(batches)
    return found


text = st.text(alphabet=st.characters(codec=None), max_size=30)


@given(text, text, st.none() | text, st.integers(0, 2**63 - 1), st.floats(0, 1e9), st.booleans())
def test_records_come_back_as_they_were(
    principal: str, reason: str, model: str | None, size: int, taken_ms: float, stream: bool
) -> None:
    decision = make_decision(
        principal=principal, reason=reason, model=model, request_bytes=size, detect_ms=taken_ms, stream=stream,
        findings=(make_finding(recognizer=reason), make_finding(fingerprints=())),
        time=dt.datetime(2026, 11, 24, 20, 0, 0, 7, tzinfo=dt.timezone(dt.timedelta(hours=8))),
    )  # fmt: skip
    for record in (decision, make_outcome(decision, error=model, cost=taken_ms), make_policy(policy=reason)):
        line = encode(record)
        assert line.isascii() and line.count(b"\n") == 1
        assert decode(line) == record


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "forward"}, {"mode": "dream"}, {"would_action": "x"}, {"request_bytes": 2**70}, {"id": "no id"},
        {"time": dt.datetime(2026, 11, 24)}, {"detect_ms": float("nan")}, {"detect_ms": float("inf")},
        {"tenant": None}, {"segments": 1.5}, {"findings": (make_finding(action="?"),)},
        {"findings": (make_finding(fingerprints=(None,)),)}, {"findings": (make_finding(count=2**64),)},
    ],
)  # fmt: skip
def test_what_the_database_would_refuse_the_journal_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        encode(make_decision(**wrong))


@pytest.mark.parametrize("line", [b"{}", b"[]", b'{"kind":"decision","record":{"time":"x"}}',
                                  b'{"kind":"poem","record":{"time":"2026-11-24"}}', b"\xff"])  # fmt: skip
def test_a_line_of_another_version_is_no_record(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(line)


def content() -> tuple[bytes, list[tuple[int, bytes]]]:
    """A file of five batches, and where each begins."""
    data, places = header(NAME), []
    for number in range(5):
        places.append((len(data), b'{"n":%d}\n' % number))
        data += batch(NAME, number, [places[-1][1]])
    return data, places


def payloads(data: bytes) -> list[bytes]:
    return [found.payload for _, found in scan(data) if isinstance(found, Batch)]


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_flipped_bit_costs_its_own_batch_alone(at: int, flip: int) -> None:
    data, places = content()
    at = HEADER_BYTES + at % (len(data) - HEADER_BYTES)
    changed = bytearray(data)
    changed[at] ^= flip
    hit = max(number for number, (start, _) in enumerate(places) if start <= at)
    found = list(scan(bytes(changed)))
    assert payloads(bytes(changed)) == [payload for number, (_, payload) in enumerate(places) if number != hit]
    following = places[hit + 1][0] if hit < 4 else len(data)
    assert [(place, end) for place, end in found if not isinstance(end, Batch)] == [(places[hit][0], following)]


def test_batches_that_were_taken_out_or_exchanged_are_noticed() -> None:
    data, places = content()
    begin, end = places[1][0], places[3][0]
    assert [place for place, found in scan(data[:begin] + data[end:]) if found == place] == [begin]
    other = header(bytes(16)) + batch(bytes(16), 0, [b"{}\n"])
    foreign = data[:begin] + other[HEADER_BYTES:] + data[begin:]
    assert payloads(foreign) == payloads(data)
    assert [place for place, found in scan(foreign) if not isinstance(found, Batch)] == [begin]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(cut=st.integers(0, 400))
def test_a_half_written_tail_is_cut_and_kept_aside(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    data, places = content()
    cut %= len(data) + 1
    (folder / "journal").mkdir()
    path = folder / "journal" / "0193-1.journal"
    path.write_bytes(data[:cut])
    caplog.clear()
    journal = Journal(plan(folder))
    whole = [payload for start, payload in places if start + len(batch(NAME, 0, [payload])) <= cut]
    assert journal.adopt() == len(whole)
    assert taken(journal) == whole
    journal.close()
    ends = {HEADER_BYTES, *(start for start, _ in places), len(data)}
    torn = files(folder, ".torn")
    if cut in ends or cut < HEADER_BYTES:
        assert torn == [] and caplog.text == ""
    else:
        assert torn[0].read_bytes() == data[max(end for end in ends if end <= cut) : cut]
        assert "half-written" in caplog.text
    assert files(folder) == []


def test_a_damaged_middle_is_named_and_what_follows_is_drained(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data, places = content()
    (tmp_path / "journal").mkdir()
    path = tmp_path / "journal" / "0193-1.journal"
    at = places[2][0]
    path.write_bytes(data[: at + 20] + b"\0" + data[at + 21 :])
    journal = Journal(plan(tmp_path))
    journal.adopt()
    assert taken(journal) == [payload for number, (_, payload) in enumerate(places) if number != 2]
    journal.close()
    assert f"{path} is damaged at byte {at}" in caplog.text and caplog.text.count("damaged at") == 1
    assert [file.name for file in files(tmp_path, ".damaged")] == ["0193-1.journal.damaged"]


def test_a_damage_after_writing_is_noticed_while_draining(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(plan(tmp_path))
    for number in range(3):
        journal.append([b"%d\n" % number])
    (path,) = files(tmp_path)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"1\n")] ^= 1
    path.write_bytes(data)
    assert taken(journal) == [b"0\n", b"2\n"]
    journal.append([b"3\n"])
    assert taken(journal) == [b"3\n"]
    journal.close()
    assert "is damaged at byte" in caplog.text
    assert len(files(tmp_path, ".damaged")) == 1


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "journal").mkdir()
    newer = tmp_path / "journal" / "a.journal"
    newer.write_bytes(b"coatcheck-journal/2\n" + bytes(99))
    (tmp_path / "journal" / "empty.journal").touch()
    journal = Journal(plan(tmp_path))
    assert journal.adopt() == journal.adopt() == 0
    assert caplog.text.count("newer Coatcheck") == 1
    assert files(tmp_path) == [newer]


def test_a_file_is_private_and_gone_when_drained(tmp_path: Path) -> None:
    journal = Journal(plan(tmp_path))
    assert not (tmp_path / "journal").exists()
    journal.append([b"1\n", b"2\n"])
    (path,) = files(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (journal.waiting().records, journal.waiting().bytes) == (2, path.stat().st_size)
    since = journal.waiting().since
    assert since is not None and abs(since - path.stat().st_mtime) < 60
    assert taken(journal) == [b"1\n", b"2\n"]
    assert journal.waiting().records == 0
    journal.settle()
    assert files(tmp_path) == []
    journal.append([b"3\n"])
    journal.close()
    again = Journal(plan(tmp_path))
    assert again.adopt() == 1
    assert taken(again) == [b"3\n"]


def test_the_order_is_that_of_recording_whatever_the_clock_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(plan(tmp_path, 8 * 64 * 1024))
    monkeypatch.setattr("time.time_ns", iter(range(10**18, 0, -(10**15))).__next__)
    lines = [b"%03d%s\n" % (number, b"x" * 20_000) for number in range(20)]
    for line in lines:
        journal.append([line])
    assert len(files(tmp_path)) > 3
    journal.close()
    again = Journal(plan(tmp_path))
    again.adopt()
    assert taken(again) == lines


def test_beyond_its_size_it_refuses_until_a_file_is_drained(tmp_path: Path) -> None:
    journal = Journal(plan(tmp_path, 4 * 64 * 1024))
    line = b"x" * 20_000 + b"\n"
    kept = 0
    while journal.waiting().bytes < 250_000:
        journal.append([line])
        kept += 1
    with pytest.raises(AuditError, match=r"journal\.max_bytes") as caught:
        journal.append([line])
    assert caught.value.code == "journal_full"
    assert sum(file.stat().st_size for file in files(tmp_path)) <= 4 * 64 * 1024
    for _ in range(4):
        journal.drained(journal.next())
    journal.append([line])
    assert len(taken(journal)) == kept - 4 + 1
    with pytest.raises(AuditError):
        Journal(plan(tmp_path, 0)).append([line])


LIMITED = """
import resource, sys
from pathlib import Path
from audit.errors import AuditError
from audit.journal import Journal, JournalPlan
journal = Journal(JournalPlan(Path(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
kept = 0
try:
    while True:
        journal.append([b"x" * 999 + b"\\n"] * 7)
        kept += 7
except AuditError as error:
    print(kept, error.code)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append([b"1\\n"])
print(journal.waiting().records)
"""


def test_a_full_disk_takes_nothing_back_and_leaves_nothing_half(tmp_path: Path) -> None:
    said = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path / "journal")], capture_output=True, text=True)
    kept, code, waiting = said.stdout.split()
    assert (int(kept), code, int(waiting)) == (49, "journal", 50)
    journal = Journal(plan(tmp_path))
    assert journal.adopt() == 50
    assert len(files(tmp_path, ".torn")) == 0
    assert len(taken(journal)) == 50


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("in the way")
    with pytest.raises(AuditError, match=r"cannot be written: .*exist") as caught:
        Journal(plan(tmp_path)).append([b"1\n"])
    assert caught.value.code == "journal"


OWNER = """
import sys
from pathlib import Path
from audit.journal import Journal, JournalPlan
journal = Journal(JournalPlan(Path(sys.argv[1])))
journal.append([b"1\\n"])
print("kept", flush=True)
sys.stdin.read()
"""


def test_a_living_process_keeps_its_file_and_a_dead_one_leaves_it(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path / "journal")],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert owner.stdout is not None and owner.stdout.readline() == "kept\n"
    journal, other = Journal(plan(tmp_path)), Journal(plan(tmp_path))
    assert journal.adopt() == 0
    owner.kill()
    owner.communicate()
    assert journal.adopt() == 1
    assert other.adopt() == 0  # it has an owner again
    assert taken(journal) == [b"1\n"]
    assert files(tmp_path) == []


def test_draining_again_from_the_beginning_doubles_nothing(
    tmp_path: Path, ledger_url: str, decision: Make[Decision], outcome: Make[Outcome]
) -> None:
    decisions = [decision() for _ in range(6)]
    records = [
        *decisions[:3],
        outcome(decisions[0]),
        make_policy(),
        *decisions[3:],
        outcome(decisions[4]),
        decisions[0],
    ]
    journal = Journal(plan(tmp_path))
    for record in records:
        journal.append([encode(record)])
    (path,) = files(tmp_path)
    copy = path.read_bytes()
    writer = Writer(ledger_url, busy_timeout_s=1)
    for _ in range(4):
        batches = journal.next()
        assert writer.write(batches[0].records(), again=True) == [None]
        journal.drained(batches)
    os.truncate(path, 0)  # as if the process had died here: its file stays, and the next one begins at its beginning
    journal.close()
    path.write_bytes(copy)
    again = Journal(plan(tmp_path))
    assert again.adopt() == 10
    assert drain(again, writer) == 10
    with writer._ready_connection().begin():
        rows = writer._ready_connection().exec_driver_sql("SELECT kind, record_seq FROM ledger ORDER BY leaf").all()
    writer.close()
    assert [tuple(row) for row in rows] == [
        ("decision", 1), ("decision", 2), ("decision", 3), ("outcome", 1), ("policy", 1), ("decision", 4),
        ("decision", 5), ("decision", 6), ("outcome", 2),
    ]  # fmt: skip
    assert files(tmp_path) == []


def test_an_outcome_whose_decision_is_lost_is_counted_and_nothing_else_is_held_up(
    tmp_path: Path, url: str, decision: Make[Decision], outcome: Make[Outcome], caplog: pytest.LogCaptureFixture
) -> None:
    known = decision()
    journal = Journal(plan(tmp_path))
    journal.append([encode(outcome(decision())), encode(known), b'{"kind":"decision"}\n'])
    journal.append([encode(outcome(decision())), encode(known), encode(outcome(known))])
    writer = Writer(url, busy_timeout_s=1)
    with caplog.at_level(logging.ERROR):
        assert drain(journal, writer) == 3
    writer.close()
    assert "1 outcome(s) of the audit journal were refused" in caplog.text
    assert len(files(tmp_path, ".damaged")) == 1  # the batch of another version is kept
