"""The REST API: typed answers, named faults, nothing echoed, every read recorded, its own description kept."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from audit.database import open_database
from audit.errors import AuditError
from audit.export import verify_export
from audit.web.app import build
from audit.web.desk import Desk
from audit.web.reads import Reads, harmless, read_page
from audit.web.tokens import Role
from tests.audit.web.filled import EVERY, POLICY, POLICY_HASH

type Ask = Callable[..., httpx.Response]


def test_pages_of_records_follow_one_another_to_the_end(api: Ask) -> None:
    seen: list[int] = []
    before: dict[str, int] = {}
    while True:
        page = api("/records", limit=100, **before).json()
        seen += [record["seq"] for record in page["records"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert seen == sorted(seen, reverse=True) and len(seen) == 241


@pytest.mark.parametrize(
    ("filters", "holds"),
    [
        ({"action": "block"}, lambda r: r["action"] == "block"),
        ({"state": ["failed", "unresolved"]}, lambda r: r["state"] in ("failed", "unresolved")),
        ({"entity": "PERSON"}, lambda r: any(f["entity"] == "PERSON" for f in r["findings"])),
        ({"destination_country": "CN"}, lambda r: r["destination_country"] == "CN"),
        ({"status": "5xx"}, lambda r: r["outcome"]["status"] >= 500),
        ({"where": "request_bytes>=20000"}, lambda r: r["request_bytes"] >= 20000),
        ({"withheld": "true"}, lambda r: r["outcome"]["placeholders_withheld"] > 0),
        ({"stream": "false"}, lambda r: not r["stream"]),
        ({"tenant": EVERY}, lambda r: r["tenant"] == EVERY),
    ],
)
def test_filters_choose(api: Ask, filters: dict[str, Any], holds: Callable[[Any], bool]) -> None:
    records = api("/records", limit=200, **filters).json()["records"]
    assert records and all(holds(record) for record in records)
    assert len(records) == min(200, api("/stats", **filters).json()["decisions"]) < 241


def test_one_record_and_its_proof(api: Ask, desk: Desk) -> None:
    first = api("/records", limit=1, state="complete").json()["records"][0]
    assert api(f"/records/{first['id']}").json() == first == api(f"/records/{first['seq']}").json()
    proof = api(f"/records/{first['id']}/proof")
    assert desk.ledger.key is not None
    report = verify_export(proof.text.splitlines(), [desk.ledger.key])
    assert report.verdict == 0 and report.covered == 2
    assert api("/records/99999999").status_code == 404
    assert api("/records/01").status_code == 409


def test_statistics_agree_with_one_another(api: Ask) -> None:
    totals = api("/stats").json()
    assert sum(totals["by_action"].values()) == totals["decisions"] == 241
    buckets = api("/timeline", by="action", every=1440).json()["buckets"]
    assert sum(sum(one["counts"].values()) for one in buckets) == 241
    top = api("/top", by="action").json()["keys"]
    assert {one["key"]: one["decisions"] for one in top} == {k: v for k, v in totals["by_action"].items() if v}
    assert set(api("/facets", dimension=["rule", "model"]).json()["facets"]) == {"rule", "model"}


def test_policy_ledger_and_who(api: Ask, desk: Desk) -> None:
    policy = api(f"/policies/{POLICY_HASH}").json()
    assert policy["policy"] == POLICY and policy["genuine"] is True
    assert api("/policies/abcdef").status_code == 404
    ledger = api("/ledger").json()
    assert ledger["size"] == ledger["covered"] > 241 and ledger["public_key"] == str(desk.ledger.key)
    assert api("/ledger/checkpoint").text == ledger["checkpoint"]["note"]
    assert api("/whoami").json()["role"] == "auditor"


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/records?since=zhang@example.com", "since"),
        ("/records?action=zhang@example.com", "action"),
        ("/records?status=zhang@example.com", "status"),
        ("/records?limit=201", "limit"),
        ("/records?before=0", "before"),
        ("/records?where=zhang@example.com", "where"),
        ("/records?where=zhang@example.com%3D1", "where"),
        ("/records?tenant=%00", "tenant"),
        ("/records?zhang@example.com=1", "(unknown)"),
        ("/records?zhang=1", "(unknown)"),
        ("/records/zhang@example.com", "id"),
        ("/top?by=zhang@example.com", "by"),
        ("/policies/zhang@example.com", "hash"),
    ],
)
def test_a_wrong_parameter_is_named_and_what_was_sent_is_not_repeated(api: Ask, path: str, parameter: str) -> None:
    answer = api(path)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:coatcheck:audit:parameter" and problem["status"] == 422
    assert [fault["parameter"] for fault in problem["errors"]] == [parameter]
    assert "zhang" not in answer.text and all(fault["detail"] for fault in problem["errors"])


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer cct_wrong", "Basic YTpi", "Bearer \xff", "cct_x"])
def test_without_a_token_nothing_is_answered(client: TestClient, header: str | None) -> None:
    for path in ("/records", "/records/1", "/stats", "/ledger", "/whoami", "/nowhere"):
        headers = {} if header is None else {"authorization": header.encode("latin-1")}
        answer = client.get(f"/api/v1{path}", headers=headers)
        assert answer.status_code == (404 if path == "/nowhere" else 401)
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_session_s_cookie_is_no_key_to_the_api(signed_in: Callable[[str], TestClient]) -> None:
    assert signed_in("admin").get("/api/v1/records").status_code == 401


def test_a_revoked_token_ends_with_the_next_request(client: TestClient, desk: Desk) -> None:
    now = dt.datetime.now(dt.UTC)
    token, text = desk.tokens.create("short", Role.AUDITOR, 1, now)
    headers = {"authorization": f"Bearer {text}"}
    assert client.get("/api/v1/whoami", headers=headers).status_code == 200
    desk.tokens.revoke(token.id, now)
    assert client.get("/api/v1/whoami", headers=headers).status_code == 401


def test_who_asks_too_often_is_told_when_to_come_back(api: Ask, monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    from audit.web.rates import Rates

    monkeypatch.setattr(desk, "asking", Rates(0.001, 2))
    assert [api("/whoami").status_code for _ in range(3)] == [200, 200, 429]
    assert int(api("/whoami").headers["retry-after"]) > 1


def test_reads_are_recorded_without_what_may_hold_data(api: Ask, desk: Desk) -> None:
    api("/records", since="7d", entity="PERSON", fingerprint="abc", caller="zhang@example.com", action="mask", limit=5)
    (read,) = read_page(desk.database, limit=1)
    assert (read.reader, read.role, read.via, read.route) == ("auditor-li", "auditor", "api", "/api/v1/records")
    assert read.filters == {
        "since": ["7d"], "entity": ["PERSON"], "fingerprint": [None], "caller": [None], "action": ["mask"],
        "limit": ["5"],
    }  # fmt: skip
    record = api("/records", limit=1).json()["records"][0]["id"]
    api(f"/records/{record}")
    (read,) = read_page(desk.database, limit=1)
    assert (read.record_id, read.route) == (record, "/api/v1/records/{id}")


def test_values_that_do_not_look_harmless_are_not_kept() -> None:
    assert harmless({"entity": ["zhang@example.com"], "since": ["张三"], "status": ["4xx"], "x": ["1"]}) == {
        "entity": [None], "since": [None], "status": ["4xx"], "x": [None],
    }  # fmt: skip


def test_what_cannot_be_recorded_is_not_answered(
    api: Ask, desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = open_database(f"sqlite:///{tmp_path}/other.db")
    (tmp_path / "other.db").unlink()
    (tmp_path / "other.db").mkdir()
    monkeypatch.setattr(desk, "reads", Reads(broken))
    for path in ("/records", "/records/1", "/records/1/proof", "/stats", "/top", "/timeline", "/facets", "/ledger"):
        answer = api(path)
        assert answer.status_code == 503 and answer.json()["type"] == "urn:coatcheck:audit:unrecorded", path


def test_a_question_that_takes_too_long_ends(api: Ask, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> None:
        raise AuditError("too_slow", "the place is /secret/path")

    monkeypatch.setattr(type(desk.statistics), "totals", slow)
    answer = api("/stats")
    assert answer.status_code == 503 and answer.json()["type"] == "urn:coatcheck:audit:too_slow"
    assert "secret" not in answer.text


def test_the_deadline_cuts_a_real_statement(desk: Desk) -> None:
    from audit.database import open_read_only
    from audit.web.deadline import limit

    assert desk.database.path is not None
    database = open_read_only(f"sqlite:///{desk.database.path}")
    limit(database.engine, 0.0)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    with database.engine.connect() as connection, pytest.raises(AuditError) as caught:
        connection.exec_driver_sql(endless)
    assert caught.value.code == "too_slow"


def test_the_api_is_as_its_own_description_says(desk: Desk, tokens: dict[str, str]) -> None:
    """Schemathesis makes requests from the OpenAPI document, right ones and wrong ones; each answer must be in it."""
    from audit.web.rates import Rates

    app, usual = build(desk), desk.asking
    desk.asking = Rates(1e6, 1_000_000)
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
              negative_data_rejection]  # fmt: skip
    asked: set[str] = set()
    try:
        for result in schema.get_all_operations():
            operation = result.ok()
            asked.add(f"{operation.method.upper()} {operation.path}")

            @settings(max_examples=3, deadline=None, derandomize=True, database=None,
                      phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
            def holds(case: Any) -> None:
                case.call_and_validate(headers={"authorization": f"Bearer {tokens['admin']}"}, checks=checks)

            for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
                _given(operation, mode, holds)
    finally:
        desk.asking = usual
    assert len(asked) == 11


def _given(operation: Any, mode: Any, holds: Callable[[Any], None]) -> None:
    from hypothesis import given

    strategy = operation.as_strategy(generation_mode=mode)
    if mode is schemathesis.GenerationMode.NEGATIVE and not (operation.query or operation.path_parameters):
        return
    given(case=strategy)(holds)()


def test_the_description_has_no_way_to_write(client: TestClient) -> None:
    described = json.loads(client.get("/api/openapi.json").text)
    assert {method for path in described["paths"].values() for method in path} == {"get"}
    assert all(operation["get"]["security"] for operation in described["paths"].values())
