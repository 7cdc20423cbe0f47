"""Closed words: what is not known is ``other`` or nothing, and no text gets in."""

from __future__ import annotations

import json

import pytest

from addons.describing import (
    SHAPE_ENTRIES,
    Clock,
    cost_of,
    findings_json,
    finish_reason,
    operation_name,
    provider_name,
    shape_of,
    user_agent_family,
)
from addons.settings_prices import Prices
from audit.rows import MAX_JSON
from tests.addons.pipeline_doubles import EMAIL, Bench, inbound


@pytest.mark.parametrize(
    ("provider", "host", "expected"),
    [
        ("openai", "api.openai.com", "openai"),
        ("openai", "corp.openai.azure.com", "azure.ai.openai"),
        ("openai", "api.deepseek.com", "deepseek"),
        ("google", "generativelanguage.googleapis.com", "gcp.gemini"),
        ("google", "europe-west4-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("bedrock", "bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        ("generic", "llm.example.com", None),
        (None, "llm.example.com", None),
    ],
)
def test_providers(provider: str | None, host: str, expected: str | None) -> None:
    assert provider_name(provider, host) == expected


def test_operations() -> None:
    names = ("openai.chat", "openai.embeddings", "mistral.fim", "gemini.generate_content", "models")
    assert [operation_name(name) for name in names] == [
        "chat", "embeddings", "text_completion", "generate_content", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "family"),
    [
        ("OpenAI/Python 2.1.0", "openai-python"),
        ("AsyncOpenAI/Python 2.1.0", "openai-python"),
        ("OpenAI/JS 6.0.0", "openai-node"),
        ("Anthropic/Python 0.70", "anthropic-python"),
        ("curl/8.5.0", "curl"),
        (f"mine/1 ({EMAIL})", "other"),
        ("", "other"),
    ],
)
def test_agents_are_words_of_a_list(said: str, family: str) -> None:
    assert user_agent_family([("User-Agent", said)]) == family


def test_finish_reasons_cost_and_findings() -> None:
    assert [finish_reason(one) for one in ([], ["STOP"], [EMAIL])] == [None, "stop", "other"]
    prices = Prices.model_validate(
        {"models": {"gpt-*": {"input": 1, "output": 2}, "gpt-4o*": {"input": 2.5, "output": 10}}}
    )
    assert cost_of(prices, "gpt-4o-mini", 1000, 100) == 0.0035
    assert [cost_of(prices, *one) for one in (("other", 1, 1), (None, 1, 1), ("gpt-4o", None, 1))] == [None] * 3
    assert findings_json({("PERSON", "ner", "mask"): 2}) == '[["PERSON","ner","mask",2]]'
    assert findings_json({}) == "[]"


def test_the_clock_answers_a_word() -> None:
    assert Clock().source() in ("ntp", "unsynchronized", "unknown")


async def test_a_request_has_a_shape_and_no_text() -> None:
    bench = Bench()
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": EMAIL}, {"role": "user", "content": "hi"}]}
    await bench.judge(inbound(json.dumps(body).encode(), headers=[("user-agent", "OpenAI/Python 2.1.0")]))
    (decision,) = bench.recorder.decisions
    assert ["$.messages[*].content", "user", 2, len(EMAIL) + 2] in json.loads(decision.shape)
    assert (decision.provider, decision.operation, decision.user_agent_family) == ("openai", "chat", "openai-python")
    assert EMAIL not in decision.shape


def test_a_shape_is_bounded_and_loses_no_count() -> None:
    from addons.wire.types import Segment

    segments = [Segment("$.tools" + ".properties.x" * depth, "user", "ab") for depth in range(300)]  # type: ignore[arg-type]
    segments += [Segment(f"$.{word}.text", role, "ab") for word in ("input", "system") for role in ("user", "tool")]  # type: ignore[arg-type]
    shape = shape_of(segments)
    rows = json.loads(shape)
    assert len(rows) <= SHAPE_ENTRIES and len(shape) < MAX_JSON
    assert sum(row[2] for row in rows) == 304 and sum(row[3] for row in rows) == 608
