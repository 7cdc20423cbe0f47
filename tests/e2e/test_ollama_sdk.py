"""The stock ``ollama`` package through the gateway, to Ollama's cloud."""

from __future__ import annotations

import ollama
import pytest

from tests.e2e.leaks import leaked
from tests.e2e.test_openai import CHINESE, EMAIL, ENGLISH, NAME, PLANTED, TOOL, ask

HOST = "https://ollama.com"
MODEL = "gpt-oss:120b"


@pytest.fixture
def client(others_gateway, others):
    found = ollama.Client(HOST, proxy=others_gateway.proxy, verify=others_gateway.trust)
    yield found
    found.close()


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_a_question_and_its_answer(client, others, text):
    answer = client.chat(model=MODEL, messages=[{"role": "system", "content": f"You help {NAME}."}, *ask(text)])
    assert answer.message.content == f"You wrote: {text}"
    assert client.generate(model=MODEL, prompt=text, system=NAME).response == f"You wrote: {text}"
    assert leaked(others.requests, PLANTED) == []


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize(
    "manner", [{"piece": 1}, {"piece": 7}, {"chunk": 5}, {"wire": 3}, {"ascii": True, "chunk": 11}]
)
def test_a_stream_that_thinks_however_it_is_cut(client, others, text, manner):
    others.next(**manner)
    said = thought = ""
    for part in client.chat(model=MODEL, messages=ask(text), stream=True, think=True):
        said += part.message.content or ""
        thought += part.message.thinking or ""
    assert (said, thought) == (f"You wrote: {text}", f"Thinking of: You wrote: {text}")
    others.next(**manner)
    said = "".join(part.response for part in client.generate(model=MODEL, prompt=text, stream=True))
    assert said == f"You wrote: {text}"
    assert leaked(others.requests, PLANTED) == []


async def test_the_asynchronous_client(others_gateway, others):
    client = ollama.AsyncClient(HOST, proxy=others_gateway.proxy, verify=others_gateway.trust)
    said = ""
    async for part in await client.chat(model=MODEL, messages=ask(CHINESE), stream=True):
        said += part.message.content or ""
    await client.close()
    assert said == f"You wrote: {CHINESE}"
    assert leaked(others.requests, PLANTED) == []


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls(client, others, stream):
    text = f"{ENGLISH} call 2 tools"
    answer = client.chat(model=MODEL, messages=ask(text), tools=[TOOL], stream=stream)
    calls = [call for part in (answer if stream else [answer]) for call in part.message.tool_calls or ()]
    assert [call.function.arguments["text"] for call in calls] == [text, text]
    history = [*ask(text), {"role": "tool", "tool_name": "send_mail", "content": f"sent to {EMAIL}"}]
    assert client.chat(model=MODEL, messages=history).message.content == f"The tool said: sent to {EMAIL}"
    assert leaked(others.requests, PLANTED) == []


def test_embeddings(client, others):
    assert len(client.embed(model="all-minilm", input=[ENGLISH, CHINESE]).embeddings) == 2
    assert leaked(others.requests, PLANTED) == []


def test_token_ids_and_errors(client, others):
    first = client.generate(model=MODEL, prompt="hello")
    with pytest.raises(ollama.ResponseError) as caught:
        client.generate(model=MODEL, prompt="go on", context=first.context)
    assert caught.value.status_code == 403
    assert "tokens" in caught.value.error
    assert len(others.requests) == 1
    others.next(status=500)
    with pytest.raises(ollama.ResponseError) as failed:
        client.chat(model=MODEL, messages=ask(ENGLISH))
    assert EMAIL in failed.value.error
    others.next(hang_up_after=4)
    with pytest.raises(ollama.ResponseError, match="closed the connection"):
        list(client.chat(model=MODEL, messages=ask(ENGLISH), stream=True))
