"""The provider double is what it claims to be: the stock SDKs read its replies, streams, tool calls and errors."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anthropic
import httpx
import openai
import pytest

from tests.doubles.http1 import encode
from tests.doubles.manner import Manner
from tests.doubles.provider import Provider
from tests.doubles.quoting import Asked, answer, arguments

ROOT = Path(__file__).parents[1]
TEXT = "Write to 张伟 at zhang.wei@example.com about PERSON_7KQ2M4XB 🧥"
PLAIN = [{"role": "user", "content": TEXT}]
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTIONS = [{"type": "function", "function": {"name": f"tool_{i}", "parameters": {"type": "object"}}} for i in "ab"]
TOOLS = [{"name": f"tool_{i}", "input_schema": {"type": "object"}} for i in "ab"]


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.clear()
    return running


@pytest.fixture
def trust(provider: Provider) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=provider.ca)


@pytest.fixture
def oai(provider: Provider, trust: ssl.SSLContext) -> Iterator[openai.OpenAI]:
    http = openai.DefaultHttpxClient(verify=trust)
    with openai.OpenAI(base_url=provider.url + "/v1", api_key="k", max_retries=0, http_client=http) as client:
        yield client


@pytest.fixture
def claude(provider: Provider, trust: ssl.SSLContext) -> Iterator[anthropic.Anthropic]:
    http = anthropic.DefaultHttpxClient(verify=trust)
    with anthropic.Anthropic(base_url=provider.url, api_key="k", max_retries=0, http_client=http) as client:
        yield client


@pytest.fixture
async def async_oai(provider: Provider, trust: ssl.SSLContext) -> AsyncIterator[openai.AsyncOpenAI]:
    http = openai.DefaultAsyncHttpxClient(verify=trust)
    async with openai.AsyncOpenAI(base_url=provider.url + "/v1", api_key="k", max_retries=0, http_client=http) as one:
        yield one


@pytest.fixture
async def async_claude(provider: Provider, trust: ssl.SSLContext) -> AsyncIterator[anthropic.AsyncAnthropic]:
    http = anthropic.DefaultAsyncHttpxClient(verify=trust)
    async with anthropic.AsyncAnthropic(base_url=provider.url, api_key="k", max_retries=0, http_client=http) as one:
        yield one


@pytest.fixture
def raw(provider: Provider, trust: ssl.SSLContext) -> Iterator[httpx.Client]:
    headers = {"authorization": "Bearer k", "anthropic-version": "2023-06-01"}
    with httpx.Client(base_url=provider.url, verify=trust, headers=headers, trust_env=False) as client:
        yield client


class TestOpenAI:
    def test_quotes_and_records(self, provider: Provider, oai: openai.OpenAI) -> None:
        reply = oai.chat.completions.create(model="gpt-x", messages=PLAIN, user="u-1")
        assert reply.choices[0].message.content == f"You wrote: {TEXT}"
        assert (reply.model, reply.choices[0].finish_reason) == ("gpt-x", "stop")
        assert json.loads(provider.requests[0].body)["user"] == "u-1"
        assert b"authorization: bearer k" in provider.requests[0].raw.lower()

    @pytest.mark.parametrize("piece", [1, 7, 1000])
    def test_streams_in_pieces_with_usage_at_the_end(self, oai: openai.OpenAI, piece: int) -> None:
        chunks = list(
            oai.chat.completions.create(
                model="m",
                messages=PLAIN,
                stream=True,
                stream_options={"include_usage": True},
                extra_headers={"x-double-piece": str(piece)},
            )
        )
        texts = [c.choices[0].delta.content or "" for c in chunks if c.choices]
        assert "".join(texts) == f"You wrote: {TEXT}"
        assert max(map(len, texts)) <= piece
        assert chunks[-1].choices == []
        assert chunks[-1].usage is not None
        assert chunks[-2].choices[0].finish_reason == "stop"

    def test_parallel_tool_calls_are_the_same_streamed_and_whole(self, oai: openai.OpenAI) -> None:
        asked = {"model": "m", "messages": [{"role": "user", "content": f"call 3 tools: {TEXT}"}], "tools": FUNCTIONS}
        calls = oai.chat.completions.create(**asked).choices[0].message.tool_calls or []
        assert [call.function.name for call in calls] == ["tool_a", "tool_b", "tool_a"]
        with oai.chat.completions.stream(**asked) as stream:
            streamed = stream.get_final_completion().choices[0]
        assert streamed.finish_reason == "tool_calls"
        assert [(c.function.name, c.function.arguments) for c in streamed.message.tool_calls or []] == [
            (c.function.name, c.function.arguments) for c in calls
        ]
        given = json.loads(calls[0].function.arguments)
        assert "zhang.wei@example.com" in given["found"]
        assert json.loads(given["nested"]["json"])["text"].endswith(TEXT)

    def test_a_tools_result_is_quoted_and_calls_nothing(self, oai: openai.OpenAI) -> None:
        call = {"id": "c", "type": "function", "function": {"name": "tool_a", "arguments": "{}"}}
        turns = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c", "content": "42"}]
        reply = oai.chat.completions.create(model="m", messages=[*PLAIN, *turns], tools=FUNCTIONS)
        assert reply.choices[0].message.content == "The tool said: 42"

    def test_several_choices_with_logprobs(self, oai: openai.OpenAI) -> None:
        asked = {"model": "m", "messages": PLAIN, "n": 2, "logprobs": True}
        whole = oai.chat.completions.create(**asked)
        assert [choice.index for choice in whole.choices] == [0, 1]
        log = whole.choices[1].logprobs
        assert log is not None
        assert "".join(token.token for token in log.content or []) == f"You wrote: {TEXT}"
        with oai.chat.completions.stream(**asked) as stream:
            final = stream.get_final_completion()
        assert [c.message.content for c in final.choices] == [c.message.content for c in whole.choices]

    def test_json_answers(self, oai: openai.OpenAI) -> None:
        reply = oai.chat.completions.create(model="m", messages=PLAIN, response_format={"type": "json_object"})
        assert json.loads(reply.choices[0].message.content or "")["answer"] == f"You wrote: {TEXT}"

    def test_responses_whole_streamed_and_fetched(self, oai: openai.OpenAI) -> None:
        whole = oai.responses.create(model="m", input=TEXT)
        assert whole.output_text == f"You wrote: {TEXT}"
        assert oai.responses.retrieve(whole.id).output_text == whole.output_text
        with oai.responses.stream(model="m", input=[{"role": "user", "content": TEXT}]) as stream:
            numbers = [event.sequence_number for event in stream]
            assert numbers == list(range(len(numbers)))
            assert stream.get_final_response().output_text == whole.output_text

    def test_responses_call_functions(self, oai: openai.OpenAI) -> None:
        tool = {"type": "function", "name": "weather", "parameters": WEATHER, "strict": False}
        asked = {"model": "m", "input": "call 2 tools for Lisbon", "tools": [tool]}
        whole = oai.responses.create(**asked)
        with oai.responses.stream(**asked) as stream:
            streamed = stream.get_final_response()
        assert [item.type for item in whole.output] == ["function_call"] * 2
        assert [item.arguments for item in streamed.output] == [item.arguments for item in whole.output]

    def test_models_embeddings_and_completions(self, oai: openai.OpenAI) -> None:
        assert "gpt-4.1-mini" in [model.id for model in oai.models.list()]
        packed = oai.embeddings.create(model="e", input=["a", "b"]).data
        plain = oai.embeddings.create(model="e", input=["a", "b"], encoding_format="float").data
        assert [one.embedding for one in packed] == [one.embedding for one in plain]
        assert oai.completions.create(model="m", prompt="hello").choices[0].text == "You wrote: hello"

    @pytest.mark.parametrize(
        ("status", "error"),
        [(400, openai.BadRequestError), (429, openai.RateLimitError), (500, openai.InternalServerError)],
    )
    def test_errors_quote_the_prompt(
        self, provider: Provider, oai: openai.OpenAI, status: int, error: type[openai.APIStatusError]
    ) -> None:
        provider.next(status=status, headers={"retry-after": "1"})
        with pytest.raises(error) as caught:
            oai.chat.completions.create(model="m", messages=PLAIN)
        assert TEXT in caught.value.message
        assert caught.value.response.headers["retry-after"] == "1"
        assert oai.chat.completions.create(model="m", messages=PLAIN).choices

    def test_refuses_what_the_provider_refuses(self, raw: httpx.Client, oai: openai.OpenAI) -> None:
        with pytest.raises(openai.NotFoundError):
            oai.post("/no/such/path", body={}, cast_to=object)
        with pytest.raises(openai.BadRequestError, match="non-empty"):
            oai.chat.completions.create(model="m", messages=[])
        assert raw.post("/v1/chat/completions", content=b"{", headers={"authorization": "Bearer k"}).status_code == 400
        assert raw.post("/v1/chat/completions", json={}, headers={"authorization": ""}).status_code == 401


class TestAnthropic:
    def test_quotes_and_records(self, provider: Provider, claude: anthropic.Anthropic) -> None:
        reply = claude.messages.create(model="claude-x", max_tokens=50, system="Be kind.", messages=PLAIN)
        assert [block.to_dict() for block in reply.content] == [{"type": "text", "text": f"You wrote: {TEXT}"}]
        assert (reply.model, reply.stop_reason) == ("claude-x", "end_turn")
        assert json.loads(provider.requests[0].body)["system"] == "Be kind."

    def test_thinking_and_tools_are_the_same_streamed_and_whole(self, claude: anthropic.Anthropic) -> None:
        asked = {
            "model": "m",
            "max_tokens": 2000,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "tools": TOOLS,
            "messages": [{"role": "user", "content": [{"type": "text", "text": f"call 2 tools: {TEXT}"}]}],
        }
        whole = claude.messages.create(**asked)
        assert [block.type for block in whole.content] == ["thinking", "text", "tool_use", "tool_use"]
        with claude.messages.stream(**asked) as stream:
            kinds = [event.type for event in stream]
            streamed = stream.get_final_message()
        assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
        assert [_without_id(block) for block in streamed.content] == [_without_id(block) for block in whole.content]
        assert streamed.stop_reason == "tool_use"

    def test_thinking_must_come_back_as_it_was(self, claude: anthropic.Anthropic) -> None:
        thinking = {"type": "enabled", "budget_tokens": 1024}
        first = claude.messages.create(model="m", max_tokens=2000, thinking=thinking, messages=PLAIN)
        block = first.content[0].to_dict()
        for text, accepted in [(block["thinking"], True), (block["thinking"] + "!", False)]:
            turns = [*PLAIN, {"role": "assistant", "content": [{**block, "thinking": text}]}, *PLAIN]
            if accepted:
                assert claude.messages.create(model="m", max_tokens=9, messages=turns).content
            else:
                with pytest.raises(anthropic.BadRequestError, match="signature"):
                    claude.messages.create(model="m", max_tokens=9, messages=turns)

    def test_a_tools_result_is_quoted(self, claude: anthropic.Anthropic) -> None:
        results = [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "42"}]}]
        use = {"type": "tool_use", "id": "t", "name": "tool_a", "input": {}}
        turns = [*PLAIN, {"role": "assistant", "content": [use]}, {"role": "user", "content": results}]
        reply = claude.messages.create(model="m", max_tokens=9, tools=TOOLS, messages=turns)
        assert [block.to_dict() for block in reply.content] == [{"type": "text", "text": "The tool said: 42"}]

    def test_count_tokens_and_models(self, claude: anthropic.Anthropic) -> None:
        short, long = (
            claude.messages.count_tokens(model="m", messages=[{"role": "user", "content": text}]).input_tokens
            for text in ("hi", "hi " * 200)
        )
        assert 0 < short < long
        assert next(iter(claude.models.list())).id.startswith("claude-")

    @pytest.mark.parametrize("status", [400, 429, 500, 529])
    def test_errors_quote_the_prompt(self, provider: Provider, claude: anthropic.Anthropic, status: int) -> None:
        provider.next(status=status)
        with pytest.raises(anthropic.APIStatusError) as caught:
            claude.messages.create(model="m", max_tokens=9, messages=PLAIN)
        assert caught.value.status_code == status
        assert TEXT in caught.value.message
        assert caught.value.request_id

    def test_an_error_within_the_stream(self, provider: Provider, claude: anthropic.Anthropic) -> None:
        provider.next(error_after=4)
        with (
            pytest.raises(anthropic.APIStatusError) as caught,
            claude.messages.stream(model="m", max_tokens=9, messages=PLAIN) as stream,
        ):
            stream.until_done()
        assert TEXT in caught.value.message


class TestAsynchronousClients:
    async def test_openai(self, async_oai: openai.AsyncOpenAI) -> None:
        stream = await async_oai.chat.completions.create(model="m", messages=PLAIN, stream=True)
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
        assert "".join(pieces) == f"You wrote: {TEXT}"

    async def test_anthropic(self, async_claude: anthropic.AsyncAnthropic) -> None:
        async with async_claude.messages.stream(model="m", max_tokens=9, messages=PLAIN) as stream:
            assert await stream.get_final_text() == f"You wrote: {TEXT}"


class TestQuoting:
    def test_a_schemas_properties_are_filled(self) -> None:
        schema = {
            "type": "object",
            "properties": {
                "to": {"type": "string"},
                "body": {"type": "string"},
                "kind": {"enum": ["letter", "memo"]},
                "tags": {"type": "array"},
                "times": {"type": "integer"},
                "payload_json": {"type": "string"},
            },
        }
        given = arguments(schema, TEXT)
        assert (given["to"], given["body"], given["kind"]) == ("zhang.wei@example.com", TEXT, "letter")
        assert given["tags"] == ["zhang.wei@example.com", "PERSON_7KQ2M4XB"]
        assert json.loads(given["payload_json"])["text"] == TEXT
        assert isinstance(given["times"], int)

    def test_says_what_it_is_told(self) -> None:
        assert answer(Asked("x", "user"), say="Nothing.").text == "Nothing."

    def test_unknown_coding(self) -> None:
        with pytest.raises(ValueError, match="no content coding"):
            encode([b"x"], "rot13")

    def test_manners_are_values(self) -> None:
        assert Manner().but({"piece": 3}) == Manner(piece=3)


def _without_id(block: anthropic.types.ContentBlock) -> dict[str, object]:
    return {name: value for name, value in block.to_dict().items() if name != "id"}
