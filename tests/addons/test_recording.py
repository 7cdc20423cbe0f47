"""Records hold fingerprints, templates and counts, and an outcome says how a request ended."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from addons.exchange import Exchange
from addons.recording import FINGERPRINTS_PER_FINDING, outcome_of
from addons.wire.openai_chat import OpenAIChat
from addons.wire.types import ReplyFacts
from tests.addons.pipeline_doubles import EMAIL, PHONE, Bench, inbound

NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def exchange(*, sent: float | None = 1.0, error: str | None = None) -> Exchange:
    return Exchange(OpenAIChat(), "0198", "openai", None, 1000, sent=sent, error=error)


@pytest.mark.parametrize(
    ("sent", "error", "status", "expected"),
    [
        (1.0, None, 200, (None, True)),
        (1.0, None, 429, ("http_429", True)),
        (1.0, "upstream_disconnected", 502, ("upstream_disconnected", False)),
        (1.0, "client_disconnected", None, ("client_disconnected", False)),
        (None, "blocked_by_policy", 403, ("blocked_by_policy", True)),
    ],
)
def test_how_it_ended(sent: float | None, error: str | None, status: int | None, expected: tuple[str, bool]) -> None:
    outcome = outcome_of(exchange(sent=sent, error=error), status, NOW)
    assert (outcome.error, outcome.complete) == expected
    assert (outcome.upstream_ms is None) == (sent is None)


@pytest.mark.parametrize("model", ["gpt-4o", EMAIL, PHONE, "a b", None])
def test_a_reply_cannot_put_a_value_in_the_models_place(model: str | None) -> None:
    flow = exchange()
    flow.facts = ReplyFacts(model=model, input_tokens=1, output_tokens=2)
    assert outcome_of(flow, 200, NOW).response_model == (model if model == "gpt-4o" else None)


async def test_the_same_value_has_the_same_fingerprint_and_another_has_another() -> None:
    bench = Bench()
    for text in (EMAIL, f"again {EMAIL}", "else@example.com"):
        await bench.judge(inbound(text=text))
    first, again, other = (decision.findings[0].fingerprints for decision in bench.recorder.decisions)
    assert first == again != other
    other_tenant = Bench({"tenant": "other"})
    await other_tenant.judge(inbound(text=EMAIL))
    assert other_tenant.recorder.decisions[0].findings[0].fingerprints != first


async def test_findings_are_counted_and_fingerprints_are_bounded() -> None:
    bench = Bench()
    text = " ".join(f"u{i}@example.com" for i in range(80)) + " u0@example.com"
    await bench.judge(inbound(text=text))
    (finding,) = bench.recorder.decisions[0].findings
    assert (finding.count, len(finding.fingerprints)) == (81, FINGERPRINTS_PER_FINDING)
    assert (finding.path, finding.role, finding.recognizer) == ("$.messages[*].content", "user", "double")


@given(
    key=st.text("abc.@[]$*~: 0123456789é王", min_size=1, max_size=12),
    value=st.sampled_from([EMAIL, PHONE, "Maria Gonzalez"]),
)
@examples(max_examples=60, deadline=None)
async def test_no_part_of_a_record_holds_a_value_wherever_it_stood(key: str, value: str) -> None:
    bench = Bench()
    body = {"model": value, "messages": [{"role": "user", "content": value, "name": value}], f"{key}{value}": value}
    for headers in ([], [("x-" + "a" * 3, value), ("user-agent", value), ("accept", value)]):
        await bench.judge(inbound(json.dumps(body).encode(), headers=headers, target=f"/v1/chat/completions?a={value}"))
    for decision in bench.recorder.decisions:
        dumped = json.dumps(dataclasses.asdict(decision), default=str, ensure_ascii=False)
        assert value not in dumped
        assert value.encode().hex() not in dumped
