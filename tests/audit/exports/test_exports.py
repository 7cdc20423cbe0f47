"""The export command: each format read back by a reader of its own, hostile text inert, what it says of itself true."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import stat
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from audit.recorder import Recorder
from audit.records import Decision
from tests.audit.conftest import make_decision
from tests.audit.exports.conftest import HOSTILE, Run

_ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f\u202e]")


def manifest_of(file: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(file.with_name(f"{file.name}.manifest.json").read_text())
    return value


def test_csv_has_a_row_for_each_decision_with_its_outcome(run: Run, recorded: list[Decision], tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    result = run("export", "--format", "csv", "-o", str(file))
    assert result.exit_code == 0, result.output
    text = file.read_bytes().decode()
    assert not _ACTING.search(text)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["id"] for row in rows] == [one.id for one in reversed(recorded)]
    newest, hostile, oldest = rows[0], rows[2], rows[-1]
    assert (newest["proxy_user"], newest["status"], newest["outcome_leaf"]) == ("张伟", "", "")
    assert (oldest["status"], oldest["response_bytes"], oldest["state"]) == ("200", "512", "complete")
    assert (oldest["leaf"], oldest["outcome_leaf"]) == ("1", "2")
    assert oldest["time"] == "2026-11-24T12:00:00.000Z" and oldest["outcome_time"] == "2026-11-24T12:00:02.000Z"
    assert json.loads(rows[-2]["findings"])[1]["entity"] == "PERSON"
    assert rows[-2]["entities"] == "EMAIL_ADDRESS:2 PERSON:1"
    assert hostile["model"].startswith("\\x1b[31m=cmd") and "\\x0a" in hostile["model"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = manifest_of(file)
    assert (told["records"], told["rows"], told["range"], told["query"]) == (6, 6, [1, 9], {})
    assert told["checkpoint"].splitlines()[1] == "10"
    assert told["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


async def test_no_cell_is_a_formula(run: Run, url: str) -> None:
    recorder = Recorder(url)
    await recorder.start()
    for start in "=+-@\t\r":
        await recorder.record_decision(make_decision(model=f"{start}HYPERLINK(1)", proxy_user=f"{start}1"))
    await recorder.stop()
    rows = list(csv.DictReader(io.StringIO(run("export", "--format", "csv", "--database", url).stdout)))
    assert len(rows) == 6
    assert all(row["model"].startswith("'") and row["proxy_user"].startswith("'") for row in rows)


def test_csv_of_findings(run: Run, recorded: list[Decision], tmp_path: Path) -> None:
    file = tmp_path / "findings.csv"
    assert run("export", "--format", "csv", "--rows", "findings", "-o", str(file), "--tenant", "default").exit_code == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert len(rows) == 6
    assert [row["position"] for row in rows if row["id"] == recorded[1].id] == ["0", "1"]
    assert {row["fingerprints"] for row in rows} == {"f1e2d3c4 a5b6c7d8", "0a1b2c3d"}
    assert manifest_of(file)["query"] == {"tenant": ["default"]}
    assert (manifest_of(file)["records"], manifest_of(file)["rows"]) == (6, 6)


def test_a_table_on_a_pipe_tells_what_it_is_beside_it(run: Run, recorded: list[Decision]) -> None:
    result = run("export", "--format", "csv", "--action", "block")
    assert len(list(csv.DictReader(io.StringIO(result.stdout)))) == 2
    assert json.loads(result.stderr)["query"] == {"action": ["block"]}


def test_parquet_is_typed_and_says_what_it_is(run: Run, recorded: list[Decision], tmp_path: Path) -> None:
    file = tmp_path / "all.parquet"
    result = run("export", "--format", "parquet", "-o", str(file), "--since", "2026-11-01", "--until", "2026-11-30")
    assert result.exit_code == 0, result.output
    table = pq.read_table(file)
    assert table.num_rows == 6
    types = {field.name: str(field.type) for field in table.schema}
    assert types["time"] == types["outcome_time"] == "timestamp[us, tz=UTC]"
    assert (types["status"], types["complete"], types["detect_ms"]) == ("int64", "bool", "double")
    assert table.column("id").to_pylist() == [one.id for one in reversed(recorded)]
    assert table.column("time")[0].as_py() == recorded[-1].time
    assert table.column("model").to_pylist()[2] == HOSTILE  # typed, not for people: as it was recorded
    told = json.loads(pq.read_metadata(file).metadata[b"coatcheck"])
    assert told["query"] == {"since": "2026-11-01T00:00:00+00:00", "until": "2026-12-01T00:00:00+00:00"}
    assert (told["records"], told["range"], told["checkpoint"].splitlines()[1]) == (6, [1, 9], "10")
    assert manifest_of(file)["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_parquet_of_nothing_and_onto_a_pipe(run: Run, recorded: list[Decision], tmp_path: Path) -> None:
    file = tmp_path / "none.parquet"
    assert run("export", "--format", "parquet", "-o", str(file), "--tenant", "other").exit_code == 0
    assert pq.read_table(file).num_rows == 0
    assert manifest_of(file)["range"] is None
    assert run("export", "--format", "parquet").exit_code == 2


def test_many_row_groups(run: Run, recorded: list[Decision], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from audit.exports import entries, parquet

    monkeypatch.setattr(parquet, "ROW_GROUP", 2)
    monkeypatch.setattr(entries, "BATCH", 2)
    file = tmp_path / "groups.parquet"
    assert run("export", "--format", "parquet", "-o", str(file)).exit_code == 0
    assert pq.read_metadata(file).num_row_groups == 3


def read_cef(line: str) -> tuple[list[str], dict[str, str]]:
    """As a receiver does it: seven header fields, then pairs that begin at a key and an unescaped equals sign."""
    head, rest = [], line
    for _ in range(7):
        match = re.match(r"((?:\\.|[^\\|])*)\|", rest)
        assert match, line
        head.append(re.sub(r"\\(.)", r"\1", match[1]))
        rest = rest[match.end() :]
    pairs = re.findall(r"(\w+)=((?:\\.|[^\\=])*?)(?= \w+=|$)", rest)
    turned = {"n": "\n", "r": "\r"}
    return head, {key: re.sub(r"\\(.)", lambda one: turned.get(one[1], one[1]), value) for key, value in pairs}


def test_cef_can_be_read_and_its_last_event_tells_what_it_was(run: Run, recorded: list[Decision]) -> None:
    lines = run("export", "--format", "cef").stdout.splitlines()
    events = [read_cef(line) for line in lines]
    assert len(events) == 7
    assert all(head[:3] == ["CEF:0", "Coatcheck", "Coatcheck"] for head, _ in events)
    assert [head[4] for head, _ in events[:2]] == ["decision:mask", "decision:block"]
    first, failed, hostile = events[5][1], events[1], events[2][1]
    assert (first["src"], first["dhost"], first["dpt"], first["cs1"]) == (
        "192.0.2.7", "api.example.com", "443", "personal-data",
    )  # fmt: skip
    assert (first["cs2"], first["cn2"], first["cn3"], first["outcome"]) == ("EMAIL_ADDRESS", "2", "200", "complete")
    assert failed[0][6] == "7" and failed[1]["reason"] == "error:detector_timeout"
    assert hostile["cs4"] == "\\x1b[31m=cmd|' /C calc'!A0\n<script>\\u202e a=b\\|c"
    assert hostile["c6a2"] == "2001:db8::7" and "src" not in hostile
    end = events[-1]
    assert end[0][4] == "export:end" and end[1]["cn1"] == "6" and json.loads(end[1]["cs3"]) == [1, 9]
    assert end[1]["cs2"].splitlines()[1] == "10"
    assert not _ACTING.search("\n".join(lines))


def test_ocsf_has_what_the_class_requires(run: Run, recorded: list[Decision]) -> None:
    lines = [json.loads(line) for line in run("export", "--format", "ocsf").stdout.splitlines()]
    end = lines.pop()["end"]
    assert (end["records"], end["rows"], end["range"]) == (6, 6, [1, 9])
    for event in lines:
        assert (event["class_uid"], event["category_uid"]) == (6003, 6)
        assert event["type_uid"] == 6003 * 100 + event["activity_id"]
        assert event["severity_id"] in (1, 2, 3, 4)
        assert isinstance(event["time"], int)
        assert event["metadata"]["version"] == "1.8.0" and event["metadata"]["product"]["vendor_name"]
        assert event["actor"]["user"]["uid"] and event["api"]["operation"] == "chat" and event["src_endpoint"]
        assert set(event) <= _ATTRIBUTES
        assert all({"name", "value", "data"} <= set(one) for one in event.get("enrichments", []))
        assert "null" not in json.dumps(event)
    closed, whole = lines[1], lines[-1]
    assert (closed["severity_id"], closed["disposition_id"], closed["action_id"]) == (4, 2, 2)
    assert whole["http_response"] == {"code": 200, "length": 512}
    assert whole["message_context"]["total_tokens"] == 46
    assert whole["dst_endpoint"]["location"] == {"country": "US"}
    assert whole["metadata"]["correlation_uid"] == recorded[0].id
    assert whole["enrichments"][0]["data"]["fingerprints"] == ["f1e2d3c4", "a5b6c7d8"]
    assert whole["unmapped"]["finish_reason"] == "stop"


_ATTRIBUTES = {
    "category_uid", "category_name", "class_uid", "class_name", "activity_id", "activity_name", "type_uid",
    "type_name", "severity_id", "severity", "time", "metadata", "message", "status_id", "status", "status_code",
    "status_detail", "action_id", "action", "disposition_id", "disposition", "actor", "api", "src_endpoint",
    "dst_endpoint", "http_request", "http_response", "policy", "firewall_rule", "ai_model", "message_context",
    "enrichments", "unmapped",
}  # fmt: skip
"""Names of schema.ocsf.io 1.8.0: base event, API Activity, the profiles security_control and ai_operation."""


def test_ecs(run: Run, recorded: list[Decision]) -> None:
    lines = [json.loads(line) for line in run("export", "--format", "ecs").stdout.splitlines()]
    event = lines[-2]
    assert event["@timestamp"] == "2026-11-24T12:00:00.000Z"
    assert event["event"]["outcome"] == "success" and event["event"]["type"] == ["access", "allowed"]
    assert event["gen_ai"]["usage"] == {"input_tokens": 12, "output_tokens": 34}
    assert event["destination"]["geo"]["country_iso_code"] == "US"
    assert lines[1]["event"]["type"] == ["access", "denied"]


def test_wrong_questions(run: Run, recorded: list[Decision], tmp_path: Path) -> None:
    for arguments in (
        ("--format", "xml"),
        ("--format", "cef", "--rows", "findings"),
        ("--format", "csv", "--since", "never"),
        ("--format", "csv", "-o", str(tmp_path / "absent" / "file")),
        ("--format", "parquet", "-o", str(tmp_path / "absent" / "file")),
    ):
        result = run("export", *arguments)
        assert result.exit_code == 2 and "Traceback" not in result.output
    assert not list(tmp_path.glob("*.csv"))


def test_a_file_is_replaced_whole_or_not_at_all(
    run: Run, recorded: list[Decision], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit.errors import AuditError
    from audit.exports import writing

    file = tmp_path / "kept.csv"
    file.write_text("kept\n")

    def breaks(*_: object) -> object:
        raise AuditError("gone", "The database is gone.")

    monkeypatch.setattr(writing, "chosen", breaks)
    assert run("export", "--format", "csv", "-o", str(file)).exit_code == 2
    assert file.read_text() == "kept\n"
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_the_proving_export_takes_every_filter(run: Run, recorded: list[Decision], tmp_path: Path) -> None:
    file = tmp_path / "unfinished.jsonl"
    assert run("export", "--status", "failed", "-o", str(file)).exit_code == 0
    end = json.loads(file.read_text().splitlines()[-1])["end"]
    assert (end["query"], end["count"]) == ({"state": ["failed"]}, 2)
    assert run("verify", "--export", str(file)).exit_code == 0
