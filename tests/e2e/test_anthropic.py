"""The stock ``anthropic`` package through the gateway: unchanged, whole, and nothing planted reaches the provider."""

from __future__ import annotations

import json

import anthropic
import pytest

from tests.e2e.leaks import leaked
from tests.e2e.test_openai import CARD, CHINESE, EMAIL, ENGLISH, NAME, PLANTED, ask

MODEL = "claude-sonnet-5"
TOOL = {"name": "send_mail", "description": "Send a mail.", "input_schema": {"type": "object"}}


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_a_question_and_its_answer(claude, provider, text):
    answer = claude.messages.create(model=MODEL, max_tokens=200, messages=ask(text))
    assert answer.content[0].text == f"You wrote: {text}"
    assert leaked(provider.requests, PLANTED) == []


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize(
    "manner", [{"piece": 1}, {"piece": 7}, {"chunk": 5}, {"wire": 3}, {"ascii": True, "chunk": 11}]
)
def test_a_stream_however_it_is_cut(claude, provider, text, manner):
    provider.next(**manner)
    with claude.messages.stream(model=MODEL, max_tokens=200, messages=ask(text)) as stream:
        said = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert said == f"You wrote: {text}" == final.content[0].text
    assert final.usage.output_tokens > 0
    assert leaked(provider.requests, PLANTED) == []


async def test_the_asynchronous_client(gateway, provider):
    http = anthropic.DefaultAsyncHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
    async with (
        anthropic.AsyncAnthropic(api_key="sk-ant-test-1", max_retries=0, http_client=http) as client,
        client.messages.stream(model=MODEL, max_tokens=200, messages=ask(ENGLISH)) as stream,
    ):
        said = "".join([text async for text in stream.text_stream])
    assert said == f"You wrote: {ENGLISH}"
    assert leaked(provider.requests, PLANTED) == []


def test_parallel_tool_calls_whole_and_streamed(claude, provider):
    text = f"{ENGLISH} call 2 tools"
    whole = claude.messages.create(model=MODEL, max_tokens=200, messages=ask(text), tools=[TOOL])
    calls = [block.input for block in whole.content if block.type == "tool_use"]
    assert len(calls) == 2
    assert calls[0]["text"] == text
    assert json.loads(calls[0]["nested"]["json"])["text"] == text
    provider.next(piece=3, chunk=9)
    with claude.messages.stream(model=MODEL, max_tokens=200, messages=ask(text), tools=[TOOL]) as stream:
        final = stream.get_final_message()
    assert [block.input for block in final.content if block.type == "tool_use"] == calls
    assert leaked(provider.requests, PLANTED) == []


def test_a_conversation_of_many_blocks(claude, provider):
    history = [
        {"role": "user", "content": [{"type": "text", "text": ENGLISH}]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "toolu_1", "name": "send_mail", "input": {"to": EMAIL}}],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": f"Sent to {EMAIL}, card {CARD}"}],
                },
                {
                    "type": "document",
                    "title": f"Letter to {NAME}",
                    "source": {"type": "text", "media_type": "text/plain", "data": f"Dear {NAME}, your card {CARD}"},
                },
                {"type": "text", "text": CHINESE},
            ],
        },
    ]
    answer = claude.messages.create(
        model=MODEL,
        max_tokens=200,
        system=[{"type": "text", "text": f"You work for {NAME}."}],
        messages=history,
        metadata={"user_id": EMAIL},
    )
    assert EMAIL in answer.content[-1].text and CARD in answer.content[-1].text
    assert leaked(provider.requests, PLANTED) == []


def test_tokens_are_counted_on_masked_text(claude, provider):
    counted = claude.messages.count_tokens(model=MODEL, messages=ask(ENGLISH))
    assert counted.input_tokens > 0
    assert provider.requests[0].path == "/v1/messages/count_tokens"
    assert leaked(provider.requests, PLANTED) == []


def test_signed_thinking_goes_both_ways_untouched(claude, provider):
    with claude.messages.stream(
        model=MODEL, max_tokens=2000, messages=ask(ENGLISH), thinking={"type": "enabled", "budget_tokens": 1024}
    ) as stream:
        first = stream.get_final_message()
    thinking = first.content[0]
    assert thinking.type == "thinking" and thinking.signature
    provider.requests.clear()
    history = [
        *ask(ENGLISH),
        {"role": "assistant", "content": [block.model_dump() for block in first.content]},
        *ask("Go on."),
    ]
    claude.messages.create(
        model=MODEL, max_tokens=2000, messages=history, thinking={"type": "enabled", "budget_tokens": 1024}
    )
    sent = json.loads(provider.requests[0].body)["messages"][1]["content"][0]
    assert (sent["thinking"], sent["signature"]) == (thinking.thinking, thinking.signature)
    assert leaked(provider.requests, PLANTED) == []


def test_an_image_is_refused_in_the_sdks_own_exception(claude, provider):
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    with pytest.raises(anthropic.PermissionDeniedError) as caught:
        claude.messages.create(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": [image]}])
    assert "image" in str(caught.value)
    assert provider.requests == []


@pytest.mark.parametrize("status", [400, 429, 529])
def test_errors_that_quote_the_prompt_are_restored(claude, provider, status):
    provider.next(status=status)
    with pytest.raises(anthropic.APIStatusError) as caught:
        claude.messages.create(model=MODEL, max_tokens=9, messages=ask(ENGLISH))
    assert caught.value.status_code == status
    assert EMAIL in str(caught.value)


def test_an_error_in_mid_stream_is_restored(claude, provider):
    provider.next(error_after=4)
    with (
        pytest.raises(anthropic.APIStatusError) as caught,
        claude.messages.stream(model=MODEL, max_tokens=9, messages=ask(ENGLISH)) as stream,
    ):
        list(stream.text_stream)
    assert EMAIL in str(caught.value)
