"""The stock ``google-genai`` package through the gateway: unchanged, whole, nothing planted reaches the provider."""

from __future__ import annotations

import json

import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from tests.e2e.leaks import leaked
from tests.e2e.test_openai import CHINESE, EMAIL, ENGLISH, NAME, PLANTED

MODEL = "gemini-2.5-flash"
TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="send_mail",
            description="Send a mail.",
            parameters=types.Schema(
                type=types.Type.OBJECT,
                properties={"to": types.Schema(type=types.Type.STRING), "body": types.Schema(type=types.Type.STRING)},
            ),
        )
    ]
)


@pytest.fixture
def options(others_gateway, others):
    carried = {"proxy": others_gateway.proxy, "verify": others_gateway.trust}
    return types.HttpOptions(client_args=carried, async_client_args=carried)


@pytest.fixture
def client(options):
    with genai.Client(api_key="test-key", http_options=options) as found:
        yield found


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_a_question_and_its_answer(client, others, text):
    config = types.GenerateContentConfig(system_instruction=f"You help {NAME}.", stop_sequences=["END"])
    answer = client.models.generate_content(model=MODEL, contents=text, config=config)
    assert answer.text == f"You wrote: {text}"
    assert answer.usage_metadata.total_token_count > 0
    support = answer.candidates[0].grounding_metadata.grounding_supports[0].segment
    assert answer.text.encode()[support.start_index : support.end_index].decode() == support.text
    assert leaked(others.requests, PLANTED) == []


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize(
    "manner", [{"piece": 1}, {"piece": 7}, {"chunk": 5}, {"wire": 3}, {"ascii": True, "chunk": 11}]
)
def test_a_stream_however_it_is_cut(client, others, text, manner):
    others.next(**manner)
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
    said = thought = ""
    for chunk in client.models.generate_content_stream(model=MODEL, contents=text, config=config):
        for part in chunk.candidates[0].content.parts:
            if part.thought:
                thought += part.text
            else:
                said += part.text
    assert (said, thought) == (f"You wrote: {text}", f"Thinking of: You wrote: {text}")
    assert leaked(others.requests, PLANTED) == []


async def test_the_asynchronous_client(options, others):
    client = genai.Client(api_key="test-key", http_options=options)
    answer = await client.aio.models.generate_content(model=MODEL, contents=ENGLISH)
    assert answer.text == f"You wrote: {ENGLISH}"
    said = ""
    async for chunk in await client.aio.models.generate_content_stream(model=MODEL, contents=CHINESE):
        said += chunk.text or ""
    await client.aio.aclose()
    assert said == f"You wrote: {CHINESE}"
    assert leaked(others.requests, PLANTED) == []


@pytest.mark.parametrize("stream", [False, True])
def test_function_calls_and_their_results(client, others, stream):
    text = f"{ENGLISH} call 2 tools"
    config = types.GenerateContentConfig(tools=[TOOL])
    if stream:
        others.next(piece=2, chunk=7)
        chunks = list(client.models.generate_content_stream(model=MODEL, contents=text, config=config))
        parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts if part.function_call]
    else:
        parts = client.models.generate_content(model=MODEL, contents=text, config=config).candidates[0].content.parts
    assert [part.function_call.args["body"] for part in parts] == [text] * 2
    assert {part.function_call.args["to"] for part in parts} <= set(PLANTED)
    history = [
        types.Content(role="user", parts=[types.Part(text=text)]),
        types.Content(role="model", parts=parts),
        types.Content(
            role="user", parts=[types.Part.from_function_response(name="send_mail", response={"sent_to": EMAIL})]
        ),
    ]
    answer = client.models.generate_content(model=MODEL, contents=history, config=config)
    assert answer.text == "The tool said: " + json.dumps({"sent_to": EMAIL})
    received = json.loads(others.requests[-1].body)["contents"][1]["parts"][0]
    assert received["thoughtSignature"] == "CpcBAdHtim9Qc2lnbmF0dXJl"
    assert leaked(others.requests, PLANTED) == []


def test_automatic_function_calling(client, others):
    seen = []

    def send_mail(to: str, body: str) -> str:
        """Send a mail."""
        seen.append((to, body))
        return f"sent to {to}"

    config = types.GenerateContentConfig(tools=[send_mail])
    answer = client.models.generate_content(model=MODEL, contents=ENGLISH, config=config)
    assert seen == [(NAME, ENGLISH)]
    assert answer.text == 'The tool said: {"result": "sent to Maria Gonzalez"}'
    assert leaked(others.requests, PLANTED) == []


def test_a_chat_session_keeps_its_masked_prefix(client, others):
    chat = client.chats.create(model=MODEL)
    assert chat.send_message(ENGLISH).text == f"You wrote: {ENGLISH}"
    said = "".join(chunk.text or "" for chunk in chat.send_message_stream(CHINESE))
    assert said == f"You wrote: {CHINESE}"
    assert chat.send_message(f"And {NAME}?").text == f"You wrote: And {NAME}?"
    first, second, third = [json.loads(request.body)["contents"] for request in others.requests]
    assert second[: len(first)] == first
    assert third[: len(second)] == second
    assert leaked(others.requests, PLANTED) == []


def test_counts_and_embeddings(client, others):
    assert client.models.count_tokens(model=MODEL, contents=ENGLISH).total_tokens > 0
    found = client.models.embed_content(model="gemini-embedding-001", contents=[ENGLISH, CHINESE])
    assert len(found.embeddings) == 2
    assert len(others.requests) == 2
    assert leaked(others.requests, PLANTED) == []


def test_text_files_are_read_and_pictures_refused(client, others):
    note = types.Part.from_bytes(data=ENGLISH.encode(), mime_type="text/plain")
    client.models.generate_content(model=MODEL, contents=["What is it?", note])
    assert leaked(others.requests, PLANTED) == []
    others.clear()
    picture = types.Part.from_bytes(data=b"\x89PNG\r\n\x1a\n", mime_type="image/png")
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents=["What is it?", picture])
    assert (caught.value.code, caught.value.status) == (403, "PERMISSION_DENIED")
    assert "image" in caught.value.message
    with pytest.raises(errors.ClientError):
        list(client.models.generate_content_stream(model=MODEL, contents=["What is it?", picture]))
    assert others.requests == []


def begins_with(name):
    return types.GenerateContentConfig(cached_content=name)


def test_cached_contents_are_masked_and_what_they_hold_is_restored(client, others):
    made = client.caches.create(
        model=MODEL,
        config=types.CreateCachedContentConfig(
            contents=ENGLISH, system_instruction=f"You help {NAME}.", display_name=f"{NAME}'s mails", ttl="600s"
        ),
    )
    assert made.name.startswith("cachedContents/cache-")
    assert made.display_name == f"{NAME}'s mails"
    answer = client.models.generate_content(model=MODEL, contents="Who?", config=begins_with(made.name))
    assert answer.text == f"You wrote: {ENGLISH}\nYou help {NAME}.\nWho?"
    others.next(piece=3, chunk=7)
    stream = client.models.generate_content_stream(model=MODEL, contents=CHINESE, config=begins_with(made.name))
    assert "".join(one.text or "" for one in stream) == f"You wrote: {ENGLISH}\nYou help {NAME}.\n{CHINESE}"
    assert client.caches.get(name=made.name).display_name == made.display_name
    assert made.name in [one.name for one in client.caches.list() if one.display_name == made.display_name]
    renewed = client.caches.update(name=made.name, config=types.UpdateCachedContentConfig(ttl="7200s"))
    assert renewed.display_name == made.display_name
    client.caches.delete(name=made.name)
    sent = len(others.requests)
    with pytest.raises(errors.ClientError, match="does not know") as caught:
        client.models.generate_content(model=MODEL, contents="Who?", config=begins_with(made.name))
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    assert len(others.requests) == sent
    assert leaked(others.requests, PLANTED) == []


def test_cached_contents_of_another_caller_are_not_there(client, options, others):
    made = client.caches.create(
        model=MODEL, config=types.CreateCachedContentConfig(contents=CHINESE, display_name=NAME)
    )
    others.clear()
    with genai.Client(api_key="another-key", http_options=options) as other:
        for ask in (
            lambda: other.models.generate_content(model=MODEL, contents="hi", config=begins_with(made.name)),
            lambda: other.caches.get(name=made.name),
            lambda: other.caches.update(name=made.name, config=types.UpdateCachedContentConfig(ttl="60s")),
        ):
            with pytest.raises(errors.ClientError, match="does not know"):
                ask()
        assert others.requests == []
        assert NAME not in [one.display_name for one in other.caches.list()]
    with pytest.raises(errors.ClientError, match="does not know") as caught:
        client.caches.get(name="cachedContents/abc")
    assert caught.value.code == 404


@pytest.mark.parametrize("status", [400, 429])
def test_errors_that_quote_the_prompt_are_restored(client, others, status):
    others.next(status=status)
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents=ENGLISH)
    assert caught.value.code == status
    assert EMAIL in caught.value.message


def test_a_stream_that_breaks_off_raises(client, others):
    others.next(hang_up_after=4)
    with pytest.raises(errors.ServerError) as caught:
        list(client.models.generate_content_stream(model=MODEL, contents=ENGLISH))
    assert caught.value.status == "INTERNAL"


def test_vertex_paths(options, others):
    with genai.Client(vertexai=True, api_key="test-key", http_options=options) as client:
        assert client.models.generate_content(model=MODEL, contents=ENGLISH).text == f"You wrote: {ENGLISH}"
        said = "".join(c.text or "" for c in client.models.generate_content_stream(model=MODEL, contents=CHINESE))
    assert said == f"You wrote: {CHINESE}"
    assert {request.header("host") for request in others.requests} == {"aiplatform.googleapis.com"}
    assert leaked(others.requests, PLANTED) == []


def test_cached_contents_in_vertex_paths(options, others):
    token = Credentials("test-token")
    with genai.Client(
        vertexai=True, project="p", location="us-central1", credentials=token, http_options=options
    ) as one:
        made = one.caches.create(model=MODEL, config=types.CreateCachedContentConfig(contents=ENGLISH))
        assert made.name.startswith("projects/123456/locations/us-central1/cachedContents/")
        for name in (made.name, made.name.replace("123456", "p"), made.name.rpartition("/")[2]):
            answer = one.models.generate_content(model=MODEL, contents="Who?", config=begins_with(name))
            assert answer.text == f"You wrote: {ENGLISH}\nWho?"
        assert one.caches.get(name=made.name).name == made.name
        one.caches.delete(name=made.name)
    assert leaked(others.requests, PLANTED) == []
