"""The stock ``cohere`` package (its v2 client) through the gateway."""

from __future__ import annotations

import json

import cohere
import httpx
import pytest

from tests.e2e.leaks import leaked
from tests.e2e.test_openai import CHINESE, EMAIL, ENGLISH, NAME, PLANTED, TOOL, ask

MODEL = "command-a-03-2025"


@pytest.fixture
def client(others_gateway, others):
    with httpx.Client(proxy=others_gateway.proxy, verify=others_gateway.trust, timeout=60) as http:
        yield cohere.ClientV2(api_key="test-key", httpx_client=http)


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_an_answer_with_documents_and_citations(client, others, text):
    documents = [{"id": "1", "data": {"title": NAME, "snippet": EMAIL}}, f"About {NAME}"]
    answer = client.chat(model=MODEL, messages=ask(text), documents=documents)
    said = answer.message.content[0].text
    assert said == f"You wrote: {text}"
    assert answer.message.citations[0].sources[0].document == {"title": NAME, "snippet": EMAIL}
    for citation in answer.message.citations:
        assert said[citation.start : citation.end] == citation.text
    assert leaked(others.requests, PLANTED) == []


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize(
    "manner", [{"piece": 1}, {"piece": 7}, {"chunk": 5}, {"wire": 3}, {"ascii": True, "chunk": 11}]
)
def test_a_stream_however_it_is_cut(client, others, text, manner):
    others.next(**manner)
    said, citations = "", []
    for event in client.chat_stream(model=MODEL, messages=ask(text), documents=[f"About {NAME}"]):
        if event.type == "content-delta":
            said += event.delta.message.content.text
        elif event.type == "citation-start":
            citations.append(event.delta.message.citations)
    assert said == f"You wrote: {text}"
    (citation,) = citations
    assert said[citation.start : citation.end] == citation.text
    assert leaked(others.requests, PLANTED) == []


async def test_the_asynchronous_client(others_gateway, others):
    async with httpx.AsyncClient(proxy=others_gateway.proxy, verify=others_gateway.trust) as http:
        client = cohere.AsyncClientV2(api_key="test-key", httpx_client=http)
        said = ""
        async for event in client.chat_stream(model=MODEL, messages=ask(CHINESE)):
            if event.type == "content-delta":
                said += event.delta.message.content.text
    assert said == f"You wrote: {CHINESE}"
    assert leaked(others.requests, PLANTED) == []


def test_tool_plans_and_calls_whole_and_streamed(client, others):
    text = f"{ENGLISH} call 2 tools"
    message = client.chat(model=MODEL, messages=ask(text), tools=[TOOL]).message
    assert message.tool_plan == f"I will use a tool for: You wrote: {text}"
    whole = [call.function.arguments for call in message.tool_calls]
    plan, streamed = "", ["", ""]
    others.next(piece=3, chunk=9)
    for event in client.chat_stream(model=MODEL, messages=ask(text), tools=[TOOL]):
        if event.type == "tool-plan-delta":
            plan += event.delta.message.tool_plan
        elif event.type == "tool-call-delta":
            streamed[event.index] += event.delta.message.tool_calls.function.arguments
    assert plan == message.tool_plan
    for arguments in map(json.loads, [*whole, *streamed]):
        assert arguments["text"] == text
        assert json.loads(arguments["nested"]["json"])["text"] == text
    result = {"type": "document", "document": {"data": {"sent_to": EMAIL}}}
    history = [
        *ask(text),
        {"role": "assistant", "tool_plan": plan, "tool_calls": message.tool_calls},
        {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": [result]},
    ]
    answer = client.chat(model=MODEL, messages=history)
    assert answer.message.content[0].text == "The tool said: " + json.dumps({"sent_to": EMAIL})
    assert leaked(others.requests, PLANTED) == []


def test_embeddings_and_reranking(client, others):
    found = client.embed(
        model="embed-v4.0", input_type="search_query", texts=[ENGLISH, CHINESE], embedding_types=["float"]
    )
    assert len(found.embeddings.float_) == 2
    ranked = client.rerank(model="rerank-v3.5", query=f"{NAME} tea", documents=["nothing", f"{NAME} likes it"])
    assert [result.index for result in ranked.results] == [1, 0]
    assert leaked(others.requests, PLANTED) == []


def test_refusals_and_errors_are_the_sdks_own(client, others):
    with pytest.raises(cohere.errors.ForbiddenError) as caught:
        client.embed(
            model="embed-v4.0",
            input_type="image",
            images=["data:image/png;base64,iVBORw0KGgo="],
            embedding_types=["float"],
        )
    assert caught.value.body["code"] == "blocked_by_policy"
    assert others.requests == []
    others.next(status=400)
    with pytest.raises(cohere.errors.BadRequestError) as failed:
        client.chat(model=MODEL, messages=ask(ENGLISH))
    assert EMAIL in failed.value.body["message"]
