"""Gemini, Vertex, Mistral, Cohere and Ollama in their true formats through the gateway, sent with a bare HTTP client.

The stock SDKs have files of their own (``test_gemini_sdk.py`` ...); here is what they do not send: JSON arrays as
streams, Vertex's paths, token ids, and every refusal's very bytes.
"""

from __future__ import annotations

import json

import httpx
import pytest

from tests.e2e.leaks import leaked

NAME, EMAIL, PHONE = "Maria Gonzalez", "maria.gonzalez@example.com", "+1 415-555-0132"
ENGLISH = f"Please write to {NAME} ({EMAIL}, {PHONE}) about the tea."
CHINESE = "请给张伟打电话，手机 13912345678，身份证号 11010519491231002X。"
PLANTED = [NAME, EMAIL, PHONE, "张伟", "13912345678", "11010519491231002X"]
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash"
VERTEX = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers"


@pytest.fixture(scope="module")
def http(others_gateway):
    headers = {"authorization": "Bearer test-key"}
    with httpx.Client(proxy=others_gateway.proxy, verify=others_gateway.trust, headers=headers, timeout=60) as client:
        yield client


def contents(text):
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def said(chunks):
    parts = [part for chunk in chunks for part in chunk["candidates"][0].get("content", {}).get("parts", [])]
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize("base", [GEMINI, f"{VERTEX}/google/models/gemini-2.5-flash"])
def test_gemini_whole_with_grounding(http, others, text, base):
    reply = http.post(f"{base}:generateContent", json=contents(text)).json()["candidates"][0]
    whole = reply["content"]["parts"][0]["text"]
    assert whole == f"You wrote: {text}"
    segment = reply["groundingMetadata"]["groundingSupports"][0]["segment"]
    assert whole.encode()[segment["startIndex"] : segment["endIndex"]].decode() == segment["text"]
    assert leaked(others.requests, PLANTED) == []


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize("manner", [{"piece": 1}, {"piece": 7, "chunk": 5}, {"wire": 3}, {"ascii": True, "chunk": 11}])
@pytest.mark.parametrize("query", ["", "?alt=sse"])
def test_gemini_streams_in_both_framings(http, others, text, manner, query):
    others.next(**manner)
    body = contents(text) | {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
    reply = http.post(f"{GEMINI}:streamGenerateContent{query}", json=body)
    if query:
        chunks = [json.loads(line[6:]) for line in reply.text.replace("\r\n", "\n").split("\n") if line]
    else:
        assert reply.headers["content-type"].startswith("application/json")
        chunks = reply.json()
    assert said(chunks) == f"You wrote: {text}"
    segment = chunks[-1]["candidates"][0]["groundingMetadata"]["groundingSupports"][0]["segment"]
    whole = f"You wrote: {text}".encode()
    assert whole[segment["startIndex"] : segment["endIndex"]].decode() == segment["text"]
    assert leaked(others.requests, PLANTED) == []


def test_an_array_is_passed_on_as_it_comes(http, others):
    others.next(piece=40, gap_ms=150)
    with http.stream("POST", f"{GEMINI}:streamGenerateContent", json=contents(f"{ENGLISH} {CHINESE}")) as reply:
        pieces = list(reply.iter_raw())
    assert len(pieces) > 2
    assert said(json.loads(b"".join(pieces))) == f"You wrote: {ENGLISH} {CHINESE}"


def test_the_decision_names_endpoint_and_model(http, others, others_gateway):
    http.post(f"{GEMINI}:generateContent", json=contents(ENGLISH))
    (decision,) = others_gateway.audit("--limit", "1")
    assert (decision["upstream"], decision["endpoint"]) == ("google", "gemini.generate_content")
    assert decision["model"] == "gemini-2.5-flash"


def test_claude_by_vertex_paths(http, others):
    body = {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": ENGLISH}],
    }
    headers = {"anthropic-version": "2023-06-01"}
    reply = http.post(f"{VERTEX}/anthropic/models/claude-sonnet-4@20250514:rawPredict", json=body, headers=headers)
    assert reply.json()["content"][0]["text"] == f"You wrote: {ENGLISH}"
    streamed = http.post(
        f"{VERTEX}/anthropic/models/claude-sonnet-4@20250514:streamRawPredict",
        json=body | {"stream": True},
        headers=headers,
    )
    events = [json.loads(line[6:]) for line in streamed.text.split("\n") if line.startswith("data: ")]
    assert "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta") == (
        f"You wrote: {ENGLISH}"
    )
    assert json.loads(others.requests[0].body)["anthropic_version"] == "vertex-2023-10-16"
    assert leaked(others.requests, PLANTED) == []


def test_embeddings_and_counts_are_masked_too(http, others):
    content = contents(ENGLISH)["contents"][0]
    assert http.post(f"{GEMINI}:countTokens", json=contents(ENGLISH)).json()["totalTokens"] > 0
    assert http.post(f"{GEMINI}:embedContent", json={"content": content}).json()["embedding"]["values"]
    body = {"requests": [{"model": "models/gemini-embedding-001", "content": content}]}
    assert http.post(f"{GEMINI}:batchEmbedContents", json=body).json()["embeddings"]
    instances = {"instances": [{"content": ENGLISH, "title": NAME}]}
    assert http.post(f"{VERTEX}/google/models/text-embedding-005:predict", json=instances).json()["predictions"]
    assert len(others.requests) == 4
    assert leaked(others.requests, PLANTED) == []


def test_unknown_cached_contents_are_refused_in_googles_shape(http, others):
    reply = http.post(f"{GEMINI}:generateContent", json={**contents("hi"), "cachedContent": "cachedContents/abc"})
    assert reply.status_code == 400
    assert reply.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert reply.json()["error"]["details"][0]["reason"] == "STORED_STATE"
    assert others.requests == []


PNG = "iVBORw0KGgoAAAANSUhEUg=="
REFUSED = {
    "google": (
        f"{GEMINI}:generateContent",
        {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}]},
        lambda reply: (reply["error"]["code"], reply["error"]["status"]) == (403, "PERMISSION_DENIED"),
    ),
    "mistral": (
        "https://api.mistral.ai/v1/chat/completions",
        {
            "model": "m",
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": f"data:image/png;base64,{PNG}"}]}
            ],
        },
        lambda reply: (reply["object"], reply["code"]) == ("error", "blocked_by_policy"),
    ),
    "cohere": (
        "https://api.cohere.com/v2/embed",
        {"model": "m", "input_type": "image", "images": [f"data:image/png;base64,{PNG}"]},
        lambda reply: reply["code"] == "blocked_by_policy" and "image" in reply["message"],
    ),
    "ollama": (
        "https://ollama.com/api/generate",
        {"model": "m", "prompt": "go on", "context": [1, 2, 3]},
        lambda reply: "tokens" in reply["error"],
    ),
    "ollama-image": (
        "https://ollama.com/api/chat",
        {"model": "m", "messages": [{"role": "user", "content": "what?", "images": [PNG]}]},
        lambda reply: "image" in reply["error"],
    ),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_cannot_be_read_is_refused_in_the_providers_shape(http, others, case):
    url, body, fits = REFUSED[case]
    reply = http.post(url, json=body)
    assert reply.status_code == 403
    assert fits(reply.json())
    assert others.requests == []


@pytest.mark.parametrize("status", [400, 429, 500])
@pytest.mark.parametrize(
    ("url", "body"),
    [
        (f"{GEMINI}:generateContent", contents(ENGLISH)),
        (f"{GEMINI}:streamGenerateContent", contents(ENGLISH)),
        (f"{GEMINI}:streamGenerateContent?alt=sse", contents(ENGLISH)),
        ("https://api.mistral.ai/v1/chat/completions", {"messages": [{"role": "user", "content": ENGLISH}]}),
        ("https://api.cohere.com/v2/chat", {"messages": [{"role": "user", "content": ENGLISH}]}),
        ("https://ollama.com/api/chat", {"messages": [{"role": "user", "content": ENGLISH}]}),
    ],
)
def test_errors_that_quote_the_prompt_are_restored(http, others, url, body, status):
    others.next(status=status)
    reply = http.post(url, json=body)
    assert reply.status_code == status
    assert EMAIL in reply.text
    assert leaked(others.requests, PLANTED) == []


def test_lines_of_ollama_are_restored_as_they_come(http, others):
    for text in (ENGLISH, CHINESE):
        for manner in ({"piece": 1}, {"piece": 3, "chunk": 5}, {"wire": 2}, {"ascii": True}):
            for path, body in (
                ("chat", {"messages": [{"role": "user", "content": text}], "think": True}),
                ("generate", {"prompt": text, "system": f"You help {NAME}."}),
            ):
                others.next(**manner)
                reply = http.post(f"https://ollama.com/api/{path}", json={"model": "m", **body})
                lines = [json.loads(line) for line in reply.text.splitlines()]
                assert lines[-1]["done"] is True
                pieces = [line["message"]["content"] if path == "chat" else line["response"] for line in lines]
                assert "".join(pieces) == f"You wrote: {text}"
    assert leaked(others.requests, PLANTED) == []


def test_a_gemini_stream_that_the_provider_cuts_ends_in_an_error_of_its_framing(http, others):
    others.next(hang_up_after=3)
    reply = http.post(f"{GEMINI}:streamGenerateContent", json=contents(ENGLISH))
    assert reply.json()[-1]["error"]["status"] == "INTERNAL"
    others.next(hang_up_after=3)
    reply = http.post(f"{GEMINI}:streamGenerateContent?alt=sse", json=contents(ENGLISH))
    assert '"error"' in reply.text.strip().split("data: ")[-1]
