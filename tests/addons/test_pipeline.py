"""A stage that fails is a refusal in the provider's shape, recorded, nothing quoted; what goes out is masked."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from addons import pipeline as pipeline_module
from addons.masking.session import MaskingSession, PlaceholderCollision
from addons.pipeline import Refusal
from addons.policy.engine import Policy
from addons.reading import Reading
from addons.wire.anthropic_messages import AnthropicMessages
from addons.wire.openai_chat import OpenAIChat
from addons.wire.types import WireError
from audit.errors import AuditError
from detectors.errors import DetectorError, DetectorOverloaded, DetectorTimeout
from tests.addons.pipeline_doubles import EMAIL, NAME, PHONE, PLANTED, TEXT, Bench, inbound

LOCAL = {"onprem": {"local": {"url": "http://127.0.0.1:8082", "model": "open"}}}
REROUTE = {**LOCAL, "policy": {"default": "mask", "entities": {"PERSON": {"action": "reroute", "to": "local"}}}}
OBSERVE = {"policy": {"mode": "observe"}}


def boom(*_: Any, **__: Any) -> Any:
    raise RuntimeError(TEXT)


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def both_codecs(method: str, fault: Callable[..., Any]) -> list[tuple[Any, str, Any]]:
    return [(OpenAIChat, method, fault), (AnthropicMessages, method, fault)]


WIRE = WireError("malformed_json", "$.x", "It is broken", 400)
STAGES: dict[str, tuple[list[tuple[Any, str, Any]], int, str]] = {
    "read_request": ([(pipeline_module, "read_request", boom)], 500, "gateway_error"),
    "parse refuses": (both_codecs("parse_request", raising(WIRE)), 400, "malformed_json"),
    "parse fails": (both_codecs("parse_request", boom), 500, "gateway_error"),
    "texts": ([(Reading, "spread", boom)], 500, "gateway_error"),
    "policy": ([(Policy, "decide", boom)], 500, "gateway_error"),
    "policy's span check": ([(Policy, "decide", raising(ValueError(TEXT)))], 500, "gateway_error"),
    "collision": ([(MaskingSession, "mask", raising(PlaceholderCollision(TEXT)))], 500, "placeholder_collision"),
    "mask": ([(MaskingSession, "mask", boom)], 500, "gateway_error"),
    "restoration": ([(MaskingSession, "restoration", boom)], 500, "gateway_error"),
    "encode": ([(Reading, "encode", boom)], 500, "gateway_error"),
    "encode refuses": ([(Reading, "encode", raising(WIRE))], 500, "gateway_error"),
}


def shape(body: bytes, provider: str) -> dict[str, Any]:
    """The error object, if the body is what the provider's SDK takes for an error."""
    document = json.loads(body)
    if provider == "anthropic":
        assert document["type"] == "error"
    error = document["error"]
    assert error["message"]
    assert error["type"]
    assert isinstance(error, dict)
    return error


def clean(*things: Any) -> None:
    """No planted value in any of these, in any spelling that a dump would use."""
    for thing in things:
        text = thing if isinstance(thing, str) else repr(thing)
        text += json.dumps(thing, default=str, ensure_ascii=False)
        assert not [value for value in PLANTED if value in text]


async def check_refused(
    bench: Bench, request: Any, provider: str, status: int, code: str, caplog: Any, *, recorded: bool = True
) -> None:
    plan = await bench.refused(request)
    assert plan.reply.status == status
    assert shape(plan.reply.body, provider)["code"] == code
    clean(plan.reply.body.decode(), dict(plan.reply.headers), caplog.text)
    assert (plan.exchange is not None) is recorded
    assert len(bench.recorder.decisions) == (1 if recorded else 0)
    if recorded:
        (decision,) = bench.recorder.decisions
        assert (decision.action, decision.route) == ("block", None)
        assert code in decision.reason or decision.reason.startswith(("entity:", "unreadable:"))
        clean(dataclasses.asdict(decision))
        assert plan.exchange is not None
        assert plan.exchange.error == code


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("stage", STAGES)
async def test_a_stage_that_fails_is_a_recorded_refusal(
    stage: str, provider: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    patches, status, code = STAGES[stage]
    bench = Bench()
    for place, name, fault in patches:
        monkeypatch.setattr(place, name, fault)
    await check_refused(bench, inbound(provider=provider), provider, status, code, caplog)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (DetectorError(TEXT), 503, "detector_failed"),
        (DetectorTimeout(TEXT), 503, "detector_timeout"),
        (DetectorOverloaded(TEXT), 503, "detector_failed"),
        (RuntimeError(TEXT), 500, "gateway_error"),
        (MemoryError(), 500, "gateway_error"),
        (RecursionError(TEXT), 500, "gateway_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_a_detector_that_fails(
    fault: Exception, status: int, code: str, provider: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()
    bench.detector.fault = fault
    await check_refused(bench, inbound(provider=provider), provider, status, code, caplog)


async def test_a_detector_that_answers_for_too_few_texts(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.detector.answers = []
    await check_refused(bench, inbound(), "openai", 500, "gateway_error", caplog)


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (inbound(b"{" + TEXT.encode()), 400, "malformed_json"),
        (inbound(TEXT.encode(), headers=[("content-encoding", "gzip")]), 400, "malformed_encoding"),
        (inbound(TEXT.encode(), headers=[("content-encoding", "rot13")]), 415, "unsupported_encoding"),
        (inbound(gzip.compress(b" " * 40_000_000), headers=[("content-encoding", "gzip")]), 413, "too_large"),
        (inbound(b'{"messages": "\xff' + TEXT.encode() + b'"}'), 400, "malformed_utf8"),
        (inbound(trailers=True), 400, "trailers_refused"),
        (inbound(TEXT.encode(), content_type="application/octet-stream"), 403, "blocked_by_policy"),
    ],
    ids=["json", "gzip", "encoding", "bomb", "utf8", "trailers", "content type"],
)
async def test_what_cannot_be_read(request_: Any, status: int, code: str, caplog: pytest.LogCaptureFixture) -> None:
    await check_refused(Bench(), request_, "openai", status, code, caplog)


@pytest.mark.parametrize("what", ["rewrite", "down", "unknown", "unsupported"])
async def test_a_reroute_that_cannot_be_done(
    what: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench({**REROUTE, "onprem": {"local": {"url": "http://127.0.0.1:8082", "speaks": ["anthropic"]}}}
                  if what == "unsupported" else REROUTE)  # fmt: skip
    status, code = {
        "rewrite": (500, "gateway_error"),
        "down": (503, "reroute_unavailable"),
        "unknown": (500, "reroute_unknown"),
        "unsupported": (400, "reroute_unsupported"),
    }[what]
    if what == "rewrite":
        monkeypatch.setattr(pipeline_module, "rewrite", boom)
    bench.health.down = what == "down"
    if what == "unknown":
        bench.settings.onprem.clear()
    await check_refused(bench, inbound(), "openai", status, code, caplog)


@pytest.mark.parametrize("action", ["mask", "allow", "reroute", "block"])
@pytest.mark.parametrize(
    ("fault", "status", "code", "attempts"),
    [
        (AuditError("gone", "gone"), 503, "audit_unavailable", 2),
        (AuditError("full", "full"), 503, "audit_unavailable", 2),
        (AuditError("timeout", "late"), 503, "audit_unavailable", 1),
        (RuntimeError(TEXT), 500, "gateway_error", 2),
    ],
    ids=["gone", "full", "timeout", "crash"],
)
async def test_what_cannot_be_recorded_does_not_go(
    action: str, fault: Exception, status: int, code: str, attempts: int, caplog: pytest.LogCaptureFixture
) -> None:
    changes: dict[str, Any] = dict(REROUTE if action == "reroute" else {})
    if action == "block":
        changes["policy"] = {"default": "block", "entities": {"PERSON": "block"}}
        status, code, attempts = 403, "blocked_by_policy", 1
    bench = Bench(changes)
    bench.recorder.fault = fault
    request = inbound(text="nothing here") if action == "allow" else inbound()
    await check_refused(bench, request, "openai", status, code, caplog, recorded=False)
    assert bench.recorder.attempts == attempts
    late = [outcome.error for outcome in bench.recorder.outcomes]
    assert late == (["audit_timeout"] if isinstance(fault, AuditError) and fault.code == "timeout" else [])


async def test_a_database_that_comes_back_takes_the_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    record, calls = bench.recorder.record_decision, []

    async def at_second_try(decision: Any) -> None:
        calls.append(decision.action)
        if len(calls) == 1:
            raise AuditError("unreachable", "away")
        await record(decision)

    monkeypatch.setattr(bench.recorder, "record_decision", at_second_try)
    plan = await bench.refused(inbound())
    assert plan.reply.status == 503
    assert calls == ["mask", "block"]
    assert bench.recorder.decisions[0].reason == "error:audit_unavailable"


async def test_a_record_that_cannot_be_made_does_not_go(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(pipeline_module, "decision_of", boom)
    await check_refused(Bench(), inbound(), "openai", 500, "gateway_error", caplog, recorded=False)


async def test_a_terminal_that_is_gone_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.pipeline._announce = boom
    await bench.forwarded(inbound())
    assert [decision.action for decision in bench.recorder.decisions] == ["mask"]
    clean(caplog.text)


@pytest.mark.parametrize("part", ["recorder", "health", "clock"])
async def test_finishing_never_raises(part: str, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(REROUTE)
    plan = await bench.forwarded(inbound())
    plan.exchange.sent = 1.0
    if part == "recorder":
        bench.recorder.outcome_fault = RuntimeError(TEXT)
    elif part == "health":
        bench.health.succeeded = boom  # type: ignore[method-assign]
    else:
        bench.pipeline._now = boom
    bench.pipeline.finish(plan.exchange, 200)
    assert "RuntimeError" in caplog.text
    clean(caplog.text)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_what_goes_out_is_masked_and_comes_back(provider: str) -> None:
    bench = Bench()
    plan = await bench.forwarded(inbound(provider=provider, headers=[("x-user", EMAIL)]))
    assert plan.body is not None and plan.headers is not None
    clean(plan.body.decode(), [pair for pair in plan.headers if pair[0] != "authorization"], plan.path)
    assert plan.identity_reply
    masked = json.loads(plan.body)["messages"][0]["content"]
    assert plan.exchange.restoration is not None
    assert plan.exchange.restoration.whole(masked) == TEXT
    (decision,) = bench.recorder.decisions
    assert bench.announced == [decision]
    clean(dataclasses.asdict(decision))
    assert (decision.action, decision.route, decision.placeholders) == ("mask", provider, 3)
    assert {finding.entity for finding in decision.findings} == {"PERSON", "EMAIL_ADDRESS", "CN_PHONE"}
    assert {finding.action for finding in decision.findings} == {"mask"}
    assert all(len(tag) == 16 for finding in decision.findings for tag in finding.fingerprints)


async def test_an_untouched_request_is_left_alone() -> None:
    bench = Bench()
    plan = await bench.forwarded(inbound(text="nothing here", headers=[("content-encoding", "identity")]))
    assert (plan.body, plan.path, plan.headers, plan.destination, plan.identity_reply) == (None,) * 4 + (False,)
    assert plan.exchange.restoration is None
    assert bench.recorder.decisions[0].action == "allow"


async def test_a_rerouted_request_leaves_credentials_and_values_apart() -> None:
    bench = Bench(REROUTE)
    plan = await bench.forwarded(inbound())
    assert plan.destination is not None
    assert (plan.destination.scheme, plan.destination.host, plan.destination.port) == ("http", "127.0.0.1", 8082)
    assert "authorization" not in {name.lower() for name, _ in plan.headers or ()}
    assert plan.body is not None and json.loads(plan.body)["model"] == "open"
    (decision,) = bench.recorder.decisions
    assert (decision.action, decision.route, plan.exchange.upstream) == ("reroute", "local", "local")
    clean(dataclasses.asdict(decision))


async def test_a_server_that_hangs_up_is_told_to_the_health_monitor() -> None:
    bench = Bench(REROUTE)
    for error in (None, "upstream_disconnected", "upstream_unreachable", "client_disconnected"):
        plan = await bench.forwarded(inbound())
        plan.exchange.sent, plan.exchange.error = 1.0, error
        bench.pipeline.finish(plan.exchange, 200)
    assert bench.health.told == [("local", True), ("local", False), ("local", False), ("local", True)]
    assert bench.recorder.outcomes[0].error is None


@pytest.mark.parametrize(
    ("request_", "would"),
    [
        (inbound(), "mask"),
        (inbound(b"{" + TEXT.encode()), "block"),
        (inbound(TEXT.encode(), content_type="application/octet-stream"), "block"),
        (inbound(text="nothing here"), "allow"),
    ],
    ids=["values", "malformed", "unreadable", "clean"],
)
async def test_observe_changes_nothing_and_says_what_it_would_have_done(request_: Any, would: str) -> None:
    bench = Bench(OBSERVE)
    plan = await bench.forwarded(request_)
    assert (plan.body, plan.path, plan.headers) == (None, None, None)
    (decision,) = bench.recorder.decisions
    assert (decision.action, decision.mode, decision.would_action) == ("allow", "observe", would)
    clean(dataclasses.asdict(decision))


async def test_observe_passes_what_the_detector_could_not_read_and_says_so() -> None:
    bench = Bench(OBSERVE)
    bench.detector.fault = DetectorTimeout("late")
    await bench.forwarded(inbound())
    assert bench.recorder.decisions[0].reason == "error:detector_timeout"
    assert bench.recorder.decisions[0].would_action == "block"


async def test_observe_still_refuses_what_it_cannot_record() -> None:
    bench = Bench(OBSERVE)
    bench.recorder.fault = AuditError("gone", "gone")
    assert (await bench.refused(inbound())).reply.status == 503


@pytest.mark.parametrize("model", [EMAIL, PHONE, NAME, f"ft:{EMAIL}", "4111111111111111"])
async def test_a_value_in_the_models_place_is_not_recorded(model: str) -> None:
    bench = Bench()
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]}).encode()
    await bench.judge(inbound(body))
    await bench.judge(inbound(body, method=PHONE))
    for decision in bench.recorder.decisions:
        assert decision.model is None
        clean(dataclasses.asdict(decision))


async def test_keys_that_are_data_are_not_recorded() -> None:
    bench = Bench()
    body = {"model": "m-1", "messages": [{"role": "user", "content": "x"}], EMAIL: {PHONE: TEXT}}
    await bench.judge(inbound(json.dumps(body).encode(), target=f"/v1/chat/completions?{EMAIL}={PHONE}"))
    (decision,) = bench.recorder.decisions
    assert decision.findings
    clean(dataclasses.asdict(decision))


async def test_refusing_unread_is_recorded_too() -> None:
    bench = Bench()
    plan = await bench.pipeline.refuse(inbound(b""), Refusal(421, "misdirected", "Names differ.", rule="admission"))
    assert shape(plan.reply.body, "openai")["code"] == "misdirected"
    assert (bench.recorder.decisions[0].rule, bench.recorder.decisions[0].reason) == ("admission", "error:misdirected")


async def test_two_callers_have_two_placeholders() -> None:
    bench = Bench()
    first = await bench.forwarded(inbound(text=EMAIL))
    again = await bench.forwarded(inbound(text=EMAIL))
    other = await bench.forwarded(inbound(text=EMAIL, key="sk-test-2"))
    assert first.body == again.body != other.body
    assert first.body is not None and first.exchange.restoration is not None
    theirs = json.loads(other.body or b"")["messages"][0]["content"]
    assert first.exchange.restoration.whole(theirs) == theirs


PIECE = st.one_of(
    st.sampled_from([NAME, EMAIL, PHONE, f'{{"to": "{EMAIL}"}}', "李雷", "PERSON_7KQ2M4XB", "\\u0041", "\n", '"']),
    st.text(max_size=20),
)
TURN = st.lists(PIECE, max_size=5).map(" ".join)


@given(turns=st.lists(TURN, min_size=2, max_size=6), provider=st.sampled_from(["openai", "anthropic"]))
@examples(max_examples=80, deadline=None)
async def test_a_grown_conversation_keeps_its_masked_prefix(turns: list[str], provider: str) -> None:
    bench = Bench()
    sent: list[bytes] = []
    for count in range(1, len(turns) + 1):
        messages = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(turns[:count])]
        body = json.dumps({"model": "m-1", "messages": messages}, ensure_ascii=False).encode("utf-8", "replace")
        plan = await bench.judge(inbound(body, provider=provider))
        if not hasattr(plan, "path"):  # a text that could be read as what stands for another: refused, not guessed
            continue
        out = plan.body if plan.body is not None else body
        sent.append(out.removesuffix(b"]}"))
        masked = json.loads(out)["messages"]
        restoration = plan.exchange.restoration
        if restoration is not None:
            for before, after in zip(json.loads(body)["messages"], masked, strict=True):
                assert restoration.whole(after["content"]) == before["content"]
    for shorter, longer in itertools.pairwise(sent):
        assert longer.startswith(shorter)


def test_no_log_line_of_the_pipeline_names_a_value(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        bench = Bench()
        assert bench.pipeline.codec_for("openai", "POST", "/v1/chat/completions?x=" + EMAIL).name == "openai.chat"
        assert bench.pipeline.codec_for("openai", "POST", "/" + EMAIL).name == "generic"
    clean(caplog.text)
