"""The stock ``mistralai`` package through the gateway."""

from __future__ import annotations

import json

import httpx2
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import MistralError

from tests.e2e.leaks import leaked
from tests.e2e.test_openai import CHINESE, EMAIL, ENGLISH, NAME, PLANTED, TOOL, ask

MODEL = "mistral-large-latest"


@pytest.fixture
def client(others_gateway, others):
    with (
        httpx2.Client(proxy=others_gateway.proxy, verify=others_gateway.trust, follow_redirects=True) as http,
        Mistral(api_key="test-key", client=http) as found,
    ):
        yield found


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_a_question_and_its_answer(client, others, text):
    history = [{"role": "system", "content": f"You help {NAME}."}, *ask(text)]
    answer = client.chat.complete(model=MODEL, messages=history, metadata={"customer": EMAIL})
    assert answer.choices[0].message.content == f"You wrote: {text}"
    assert leaked(others.requests, PLANTED) == []


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize(
    "manner", [{"piece": 1}, {"piece": 7}, {"chunk": 5}, {"wire": 3}, {"ascii": True, "chunk": 11}]
)
def test_a_stream_that_thinks_however_it_is_cut(client, others, text, manner):
    others.next(**manner)
    said = thought = ""
    with client.chat.stream(model=MODEL, messages=ask(text), prompt_mode="reasoning") as events:
        for event in events:
            content = event.data.choices[0].delta.content
            if isinstance(content, str):
                said += content
            for chunk in content if isinstance(content, list) else ():
                assert chunk.type == "thinking"
                thought += chunk.thinking[0].text
    assert (said, thought) == (f"You wrote: {text}", f"Thinking of: You wrote: {text}")
    assert leaked(others.requests, PLANTED) == []


async def test_the_asynchronous_client(others_gateway, others):
    async with httpx2.AsyncClient(proxy=others_gateway.proxy, verify=others_gateway.trust) as http:
        client = Mistral(api_key="test-key", async_client=http)
        said = ""
        async for event in await client.chat.stream_async(model=MODEL, messages=ask(CHINESE)):
            said += event.data.choices[0].delta.content or ""
    assert said == f"You wrote: {CHINESE}"
    assert leaked(others.requests, PLANTED) == []


def test_tool_calls_whole_and_streamed(client, others):
    text = f"{ENGLISH} call 2 tools"
    whole = client.chat.complete(model=MODEL, messages=ask(text), tools=[TOOL]).choices[0].message.tool_calls
    with client.chat.stream(model=MODEL, messages=ask(text), tools=[TOOL]) as events:
        streamed = [call for event in events for call in event.data.choices[0].delta.tool_calls or ()]
    for calls in (whole, streamed):
        assert len(calls) == 2
        for call in calls:
            arguments = json.loads(call.function.arguments)
            assert arguments["text"] == text
            assert json.loads(arguments["nested"]["json"])["text"] == text
    assert leaked(others.requests, PLANTED) == []


def test_fill_in_the_middle_and_embeddings(client, others):
    answer = client.fim.complete(model="codestral-latest", prompt=f"# for {NAME}\n", suffix=f"# {EMAIL}")
    assert answer.choices[0].message.content == f"You wrote: # for {NAME}\n … # {EMAIL}"
    with client.fim.stream(model="codestral-latest", prompt=f"# for {NAME}\n") as events:
        said = "".join(event.data.choices[0].delta.content for event in events)
    assert said == f"You wrote: # for {NAME}\n … "
    assert len(client.embeddings.create(model="mistral-embed", inputs=[ENGLISH, CHINESE]).data) == 2
    assert leaked(others.requests, PLANTED) == []


def test_refusals_and_errors_are_the_sdks_own(client, others):
    picture = {"type": "image_url", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    with pytest.raises(MistralError) as caught:
        client.chat.complete(model=MODEL, messages=[{"role": "user", "content": [picture]}])
    assert caught.value.status_code == 403
    assert "blocked_by_policy" in caught.value.body
    assert others.requests == []
    others.next(status=400)
    with pytest.raises(MistralError) as failed:
        client.chat.complete(model=MODEL, messages=ask(ENGLISH))
    assert EMAIL in failed.value.body
