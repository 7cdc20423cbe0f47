"""The response policy on real codecs: nothing that it masks or blocks reaches the client, however a stream was cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from addons.exchange import Exchange
from addons.judging import CODE, ReplyJudge
from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.policy.response import ResponsePolicy
from addons.policy.rules import PolicySettings
from addons.refusal import Refusal
from addons.wire.anthropic_messages import AnthropicMessages
from addons.wire.gemini import GeminiStreaming
from addons.wire.openai_chat import OpenAIChat
from addons.wire.openai_responses import OpenAIResponses
from addons.wire.types import Codec
from detectors.spans import Span
from tests.addons.pipeline_doubles import EMAIL, PHONE, spans_in
from tests.addons.wire import positions, positions_anthropic, positions_gemini, positions_responses

KEY, SCOPE = PlaceholderKey(b"k" * 32, 1), Scope("tenant")
GEMINI = GeminiStreaming("gemini.stream_generate_content")
CODECS: list[Any] = [
    pytest.param(OpenAIChat(), positions.openai_stream, id="openai.chat"),
    pytest.param(AnthropicMessages(), positions_anthropic.anthropic_stream, id="anthropic.messages"),
    pytest.param(OpenAIResponses(), positions_responses.responses_stream, id="openai.responses"),
    pytest.param(GEMINI, positions_gemini.gemini_sse, id="gemini.sse"),
    pytest.param(GEMINI, positions_gemini.gemini_array, id="gemini.array"),
]


def flow(codec: Codec, said: Sequence[str] = (), **policy: Any) -> tuple[Exchange, str]:
    """An exchange whose request held ``EMAIL``, and its placeholder."""
    session = MaskingSession(KEY, SCOPE)
    token = session.mask(EMAIL, spans_in(EMAIL))
    judge = ReplyJudge(
        ResponsePolicy(PolicySettings.model_validate({"response": policy})),
        session.restoration(),
        [EMAIL, *said],
        lambda entity, value: KEY.placeholder(SCOPE, entity, value),
    )
    return Exchange(codec, "0198", "openai", judge.restoration, 1 << 20, judge, sent=1.0), token


async def detect(texts: Sequence[str]) -> list[list[Span]]:
    return [spans_in(text) for text in texts]


async def passed(exchange: Exchange, chunks: Sequence[bytes]) -> bytes:
    """What reaches the client of a stream."""
    stream, out = exchange.open_stream(""), bytearray()

    def take(answer: bytes | list[bytes]) -> None:
        for piece in [answer] if isinstance(answer, bytes) else answer:
            assert piece
            out.extend(piece)

    for chunk in [*chunks, b""]:
        take(stream(chunk))
        if stream.parked:
            assert exchange.judge is not None
            await exchange.judge.settle(detect)
            take(stream.judged())
    return bytes(out)


def cut(raw: bytes, cuts: Sequence[int]) -> list[bytes]:
    return [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]


@pytest.mark.parametrize(("codec", "make"), CODECS)
async def test_what_the_model_adds_is_masked_and_the_callers_is_restored(codec: Codec, make: Any) -> None:
    exchange, token = flow(codec, default="mask")
    out = await passed(exchange, [make(f"{token} or {PHONE}", 3)])
    label = KEY.placeholder(SCOPE, "CN_PHONE", PHONE)
    text = out.decode()
    joined = "".join(text.split())
    assert PHONE not in text and token not in text
    assert label in text and EMAIL in joined
    assert exchange.judge is not None
    assert exchange.judge.findings == {("CN_PHONE", "mask"): 1}
    assert exchange.restoration is not None and exchange.restoration.counts.unknown == 0
    assert exchange.error is None


@pytest.mark.parametrize("action", ["mask", "block"])
@pytest.mark.parametrize(("codec", "make"), CODECS)
@given(data=st.data())
@examples(max_examples=8, deadline=None)
def test_cuts_change_nothing(codec: Codec, make: Any, action: str, data: st.DataObject) -> None:
    exchange, token = flow(codec, default=action)
    raw = make(f"{token} says it is a long story. " * 4 + f"It is {PHONE} or so. And more of it.", 5)
    cuts = sorted(data.draw(st.lists(st.integers(1, len(raw) - 1), max_size=8, unique=True)))
    out = asyncio.run(passed(exchange, cut(raw, cuts)))
    assert out == asyncio.run(passed(flow(codec, default=action)[0], [raw]))
    assert PHONE not in out.decode()


@pytest.mark.parametrize(("codec", "make"), CODECS)
async def test_a_block_ends_the_stream_in_an_error(codec: Codec, make: Any) -> None:
    exchange, token = flow(codec, entities={"CN_PHONE": "block"})
    before = f"{token} says it is a long story. " * 12
    raw = make(before + f"It is {PHONE}. And it goes on.", 4)
    out = (await passed(exchange, cut(raw, [len(raw) // 2]))).decode()
    assert exchange.error == CODE
    assert "And it goes on" not in out and "CN_PHONE, which was not in the request" in out
    for size in range(4, len(PHONE) + 1):
        assert PHONE[:size] not in out


async def test_what_the_caller_said_is_exempt_in_any_spelling() -> None:
    exchange, _ = flow(OpenAIChat(), said=["Call 139-1234-5678!"], default="block")
    out = await passed(exchange, [positions.openai_stream(PHONE, 3)])
    assert exchange.error is None
    assert exchange.judge is not None and not exchange.judge.findings
    assert b'"139' in out


@pytest.mark.parametrize("action", ["mask", "block"])
async def test_a_whole_reply(action: str) -> None:
    exchange, token = flow(OpenAIChat(), default=action)
    message = {"role": "assistant", "content": f"{token}: {PHONE}"}
    body = json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()
    exchange.read_ahead(body, "application/json", "")
    assert exchange.judge is not None
    await exchange.judge.settle(detect)
    if action == "block":
        with pytest.raises(Refusal) as refused:
            exchange.restore_body(body, "application/json", "", 200)
        assert refused.value.code == CODE and PHONE not in refused.value.message
    else:
        restored = exchange.restore_body(body, "application/json", "", 200) or b""
        said = json.loads(restored)["choices"][0]["message"]["content"]
        assert said == f"{EMAIL}: {KEY.placeholder(SCOPE, 'CN_PHONE', PHONE)}"


async def test_a_detector_that_fails_ends_the_stream() -> None:
    exchange, token = flow(OpenAIChat(), default="mask")
    stream = exchange.open_stream("")
    assert stream(positions.openai_stream(f"{token} {PHONE}", 3)) == []
    assert stream.parked
    out = b"".join([piece] if isinstance(piece := stream.judged(), bytes) else piece)
    assert exchange.error == "detector_failed" and b"could not judge" in out and PHONE.encode() not in out
    assert stream(b"") == []


async def test_an_upstream_that_hangs_up_leaves_nothing_unjudged() -> None:
    exchange, token = flow(OpenAIChat(), default="mask")
    stream = exchange.open_stream("")
    raw = positions.openai_stream(f"{token} {PHONE}", 3)
    stream(raw[: len(raw) // 2])
    out = stream.tail("upstream_disconnected", "It hung up.")
    assert b"It hung up." in out and b"139" not in out


def test_the_default_asks_nobody() -> None:
    assert not ResponsePolicy(PolicySettings()).judges
    assert not ResponsePolicy(PolicySettings.model_validate({"response": {"entities": {"PERSON": "allow"}}})).judges
    assert ResponsePolicy(PolicySettings.model_validate({"response": {"entities": {"PERSON": "mask"}}})).judges


def test_entities_and_scores() -> None:
    policy = ResponsePolicy(
        PolicySettings.model_validate(
            {
                "allow_list": ["Example Corp"],
                "response": {
                    "default": "mask",
                    "entities": {"CN_*": "allow", "CN_PHONE": {"action": "block", "min_score": 0.5}},
                },
            }
        )
    )

    def action(entity: str, score: float, value: str = "x") -> str:
        return policy.action(Span(0, 1, entity, score, "test"), value)

    assert [action("CN_PHONE", 0.6), action("CN_PHONE", 0.4), action("CN_PASSPORT", 0.9)] == ["block", "allow", "allow"]
    assert [action("PERSON", 0.1), action("ORGANIZATION", 0.9, "Example Corp")] == ["mask", "allow"]
    assert action("PLACEHOLDER", 0.9) == "allow"
