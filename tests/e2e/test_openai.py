"""The stock ``openai`` package through the gateway: unchanged, whole, and nothing planted reaches the provider."""

from __future__ import annotations

import itertools
import json

import openai
import pytest

from tests.e2e.leaks import leaked

NAME, EMAIL, PHONE, CARD = "Maria Gonzalez", "maria.gonzalez@example.com", "+1 415-555-0132", "4111 1111 1111 1111"
ENGLISH = f"Please write to {NAME} ({EMAIL}, {PHONE}); she paid with card {CARD}."
CHINESE = "请给张伟打电话，手机 13912345678，身份证号 11010519491231002X。"
PLANTED = [NAME, EMAIL, PHONE, CARD, "张伟", "13912345678", "11010519491231002X"]
TOOL = {
    "type": "function",
    "function": {"name": "send_mail", "description": "Send a mail.", "parameters": {"type": "object"}},
}


def ask(text):
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_a_question_and_its_answer(oai, provider, text):
    answer = oai.chat.completions.create(model="gpt-4o", messages=ask(text))
    assert answer.choices[0].message.content == f"You wrote: {text}"
    assert len(provider.requests) == 1
    assert leaked(provider.requests, PLANTED) == []


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize(
    "manner", [{"piece": 1}, {"piece": 7}, {"chunk": 5}, {"wire": 3}, {"ascii": True, "chunk": 11}]
)
def test_a_stream_however_it_is_cut(oai, provider, text, manner):
    provider.next(**manner)
    said = ""
    for chunk in oai.chat.completions.create(
        model="gpt-4o", messages=ask(text), stream=True, stream_options={"include_usage": True}
    ):
        if chunk.choices:
            said += chunk.choices[0].delta.content or ""
        else:
            usage = chunk.usage
    assert said == f"You wrote: {text}"
    assert usage is not None and usage.total_tokens > 0
    assert leaked(provider.requests, PLANTED) == []


def test_several_choices_in_one_stream(oai, provider):
    said = ["", "", ""]
    for chunk in oai.chat.completions.create(model="gpt-4o", messages=ask(ENGLISH), n=3, stream=True):
        for choice in chunk.choices:
            said[choice.index] += choice.delta.content or ""
    assert said == [f"You wrote: {ENGLISH}"] * 3


async def test_the_asynchronous_client(gateway, provider):
    http = openai.DefaultAsyncHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
    async with openai.AsyncOpenAI(api_key="sk-test-1", max_retries=0, http_client=http) as client:
        answer = await client.chat.completions.create(model="gpt-4o", messages=ask(ENGLISH))
        assert answer.choices[0].message.content == f"You wrote: {ENGLISH}"
        said = ""
        async for chunk in await client.chat.completions.create(model="gpt-4o", messages=ask(CHINESE), stream=True):
            said += chunk.choices[0].delta.content or ""
    assert said == f"You wrote: {CHINESE}"
    assert leaked(provider.requests, PLANTED) == []


def test_parallel_tool_calls_whole_and_streamed(oai, provider):
    text = f"{ENGLISH} call 3 tools"
    whole = oai.chat.completions.create(model="gpt-4o", messages=ask(text), tools=[TOOL])
    calls = whole.choices[0].message.tool_calls
    assert len(calls) == 3
    for call in calls:
        arguments = json.loads(call.function.arguments)
        assert arguments["text"] == text
        assert json.loads(arguments["nested"]["json"])["text"] == text
    streamed: dict[int, str] = {}
    provider.next(piece=3, chunk=9)
    for chunk in oai.chat.completions.create(model="gpt-4o", messages=ask(text), tools=[TOOL], stream=True):
        for call in chunk.choices[0].delta.tool_calls or [] if chunk.choices else []:
            streamed[call.index] = streamed.get(call.index, "") + (call.function.arguments or "")
    assert [json.loads(streamed[i]) for i in range(3)] == [json.loads(call.function.arguments) for call in calls]
    assert leaked(provider.requests, PLANTED) == []


def test_values_that_need_escaping_come_back_in_tool_arguments_as_valid_json(oai, provider):
    address = 'password: "s3cr\\et\\"Z9!kq"'
    answer = oai.chat.completions.create(model="gpt-4o", messages=ask(f"{ENGLISH} {address}"), tools=[TOOL])
    arguments = json.loads(answer.choices[0].message.tool_calls[0].function.arguments)
    assert arguments["text"] == f"{ENGLISH} {address}"


def test_a_conversation_with_tool_results_and_names(oai, provider):
    history = [
        {"role": "system", "content": f"You help {NAME}."},
        {"role": "user", "content": ENGLISH, "name": "maria_gonzalez"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "send_mail", "arguments": json.dumps({"to": EMAIL, "body": f"Dear {NAME}"})},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": json.dumps({"sent_to": EMAIL, "card": CARD})},
    ]
    answer = oai.chat.completions.create(model="gpt-4o", messages=history, user=EMAIL, metadata={"customer": EMAIL})
    assert json.dumps({"sent_to": EMAIL, "card": CARD}) in answer.choices[0].message.content
    assert leaked(provider.requests, PLANTED) == []
    received = json.loads(provider.requests[0].body)
    assert received["messages"][2]["tool_calls"][0]["id"] == "call_1"
    json.loads(received["messages"][2]["tool_calls"][0]["function"]["arguments"])


def test_the_masked_prefix_of_a_growing_conversation_does_not_change(oai, provider):
    history = ask(ENGLISH)
    for turn in (CHINESE, f"And {NAME}?", "Thanks."):
        answer = oai.chat.completions.create(model="gpt-4o", messages=history)
        history = [*history, {"role": "assistant", "content": answer.choices[0].message.content}, *ask(turn)]
    bodies = [json.loads(request.body)["messages"] for request in provider.requests]
    for shorter, longer in itertools.pairwise(bodies):
        assert longer[: len(shorter)] == shorter
    raw = [request.body[: request.body.rindex(b'"}]')] for request in provider.requests]
    assert all(longer.startswith(shorter) for shorter, longer in itertools.pairwise(raw))


def test_an_untouched_request_leaves_byte_for_byte(oai, provider):
    text = "Why is the sky blue at noon and red at dusk?"
    oai.chat.completions.create(model="gpt-4o", messages=ask(text), temperature=0.5)
    request = provider.requests[0]
    assert json.loads(request.body) == {"messages": ask(text), "model": "gpt-4o", "temperature": 0.5}
    assert request.header("authorization") == "Bearer sk-test-1"
    assert request.header("accept-encoding") == "gzip, deflate, br, zstd" or "gzip" in request.header("accept-encoding")


def test_an_image_is_refused_in_the_sdks_own_exception(oai, provider):
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    with pytest.raises(openai.PermissionDeniedError) as caught:
        oai.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}]
        )
    assert caught.value.code == "blocked_by_policy"
    assert "image" in caught.value.message
    assert provider.requests == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_that_is_encoded_although_identity_was_asked_for(oai, provider, encoding, stream):
    provider.next(encoding=encoding)
    if stream:
        chunks = oai.chat.completions.create(model="gpt-4o", messages=ask(ENGLISH), stream=True)
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    else:
        said = oai.chat.completions.create(model="gpt-4o", messages=ask(ENGLISH)).choices[0].message.content
    assert said == f"You wrote: {ENGLISH}"
    assert provider.requests[0].header("accept-encoding") == "identity"


@pytest.mark.parametrize("status", [400, 429, 500])
def test_errors_that_quote_the_prompt_are_restored(oai, provider, status):
    provider.next(status=status)
    with pytest.raises(openai.APIStatusError) as caught:
        oai.chat.completions.create(model="gpt-4o", messages=ask(ENGLISH))
    assert caught.value.status_code == status
    assert EMAIL in str(caught.value)


def test_other_endpoints_of_the_same_host(oai, provider):
    assert oai.models.list().data
    oai.embeddings.create(model="text-embedding-3-small", input=[ENGLISH, CHINESE])
    response = oai.responses.create(model="gpt-4o", input=ENGLISH)
    assert EMAIL in response.output_text
    assert leaked(provider.requests, PLANTED) == []


def test_a_streamed_response_of_the_responses_api(oai, provider):
    provider.next(piece=3)
    said = ""
    for event in oai.responses.create(model="gpt-4o", input=ENGLISH, stream=True):
        if event.type == "response.output_text.delta":
            said += event.delta
        elif event.type == "response.completed":
            final = event.response.output_text
    assert said == final == f"You wrote: {ENGLISH}"
    assert leaked(provider.requests, PLANTED) == []


def test_structured_output_stays_valid_json(oai, provider):
    answer = oai.chat.completions.create(
        model="gpt-4o",
        messages=ask(ENGLISH),
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    )
    assert json.loads(answer.choices[0].message.content)["answer"] == f"You wrote: {ENGLISH}"
