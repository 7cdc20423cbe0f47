"""The stock ``langchain-openai`` through the gateway: chat and Responses, whole, streamed, tools, structured."""

from __future__ import annotations

import json

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from tests.e2e.leaks import leaked
from tests.e2e.test_openai import CHINESE, EMAIL, ENGLISH, NAME, PLANTED, TOOL

TEXTS = pytest.mark.parametrize("text", [ENGLISH, CHINESE])


class Noted(BaseModel):
    """What the double answers where JSON is wanted."""

    answer: str
    words: list[str]


@pytest.fixture
def http(gateway, provider):
    with httpx.Client(proxy=gateway.proxy, verify=gateway.trust, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture(params=[False, True], ids=["chat", "responses"])
def model(http, request):
    """A model over either API."""
    return ChatOpenAI(
        model="gpt-4o", api_key="sk-test-1", max_retries=0, http_client=http, use_responses_api=request.param
    )


def words(message) -> str:
    """A message's text, whichever API it came over."""
    return message.text if isinstance(message.text, str) else message.text()


@TEXTS
def test_invoke(model, provider, text):
    answer = model.invoke([SystemMessage(f"You help {NAME}."), HumanMessage(text)])
    assert words(answer) == f"You wrote: {text}"
    assert answer.usage_metadata["total_tokens"] > 0
    assert leaked(provider.requests, PLANTED) == []


@TEXTS
def test_stream(model, provider, text):
    provider.next(piece=3, chunk=7)
    assert "".join(words(chunk) for chunk in model.stream(text)) == f"You wrote: {text}"
    assert leaked(provider.requests, PLANTED) == []


@TEXTS
@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_call_and_its_result(model, provider, text, streamed):
    bound = model.bind_tools([TOOL])
    if streamed:
        first, *rest = list(bound.stream(text))
        for chunk in rest:
            first += chunk
    else:
        first = bound.invoke(text)
    (call,) = first.tool_calls
    assert call["name"] == "send_mail"
    assert call["args"]["text"] == text
    assert json.loads(call["args"]["nested"]["json"])["text"] == text
    asked = AIMessage(content="", tool_calls=[call])
    last = model.invoke([HumanMessage(text), asked, ToolMessage(f"sent to {EMAIL}", tool_call_id=call["id"])])
    assert words(last) == f"The tool said: sent to {EMAIL}"
    assert leaked(provider.requests, PLANTED) == []


@TEXTS
def test_structured_output(model, provider, text):
    noted = model.with_structured_output(Noted).invoke(text)
    assert noted.answer == f"You wrote: {text}"
    assert all(word in text for word in noted.words)
    assert leaked(provider.requests, PLANTED) == []


async def test_asynchronously(gateway, provider):
    async with httpx.AsyncClient(proxy=gateway.proxy, verify=gateway.trust, trust_env=False) as http:
        model = ChatOpenAI(model="gpt-4o", api_key="sk-test-1", max_retries=0, http_async_client=http)
        assert words(await model.ainvoke(CHINESE)) == f"You wrote: {CHINESE}"
        assert "".join([words(chunk) async for chunk in model.astream(ENGLISH)]) == f"You wrote: {ENGLISH}"
    assert leaked(provider.requests, PLANTED) == []


def test_embeddings_of_texts(http, provider):
    given = {"model": "text-embedding-3-small", "api_key": "sk-test-1", "http_client": http, "max_retries": 0}
    found = OpenAIEmbeddings(**given, check_embedding_ctx_length=False).embed_documents([ENGLISH, CHINESE])
    assert len(found) == 2
    assert leaked(provider.requests, PLANTED) == []
