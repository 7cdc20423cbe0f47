"""The stock ``openai`` package's Responses API through the gateway: whole, streamed, with tools, structured."""

from __future__ import annotations

import json
from typing import Any

import openai
import pydantic
import pytest

from tests.addons.wire.positions_responses import output_items
from tests.doubles.openai_platform import Platform
from tests.e2e.harness import GatewayProcess
from tests.e2e.leaks import leaked
from tests.e2e.raw import request, through_proxy

NAME, EMAIL, PHONE, CARD = "Maria Gonzalez", "maria.gonzalez@example.com", "+1 415-555-0132", "4111 1111 1111 1111"
ENGLISH = f"Please write to {NAME} ({EMAIL}, {PHONE}); she paid with card {CARD}."
CHINESE = "请给张伟打电话，手机 13912345678，身份证号 11010519491231002X。"
PLANTED = [NAME, EMAIL, PHONE, CARD, "张伟", "13912345678", "11010519491231002X"]
FUNCTION = {"type": "function", "name": "send_mail", "description": "Send a mail.", "parameters": {"type": "object"}}


class Answer(pydantic.BaseModel):
    """What the double says where JSON is wanted."""

    answer: str
    words: list[str]


@pytest.fixture(scope="module")
def platform():
    with Platform() as provider:
        yield provider


@pytest.fixture(scope="module")
def masking(platform, tmp_path_factory):
    with GatewayProcess(tmp_path_factory.mktemp("responses"), platform) as gateway:
        yield gateway


@pytest.fixture
def provider(platform):
    platform.clear()
    return platform


@pytest.fixture
def oai(masking, provider):
    http = openai.DefaultHttpxClient(proxy=masking.proxy, verify=masking.trust)
    with openai.OpenAI(api_key="sk-test-1", max_retries=0, http_client=http) as client:
        yield client


@pytest.fixture
async def aio(masking, provider):
    http = openai.DefaultAsyncHttpxClient(proxy=masking.proxy, verify=masking.trust)
    async with openai.AsyncOpenAI(api_key="sk-test-1", max_retries=0, http_client=http) as client:
        yield client


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_a_question_and_its_answer(oai, provider, masking, text):
    answer = oai.responses.create(
        model="gpt-5.1",
        input=text,
        instructions=f"You help {NAME}.",
        user=EMAIL,
        metadata={"customer": EMAIL},
        prompt={"id": "pmpt_1", "variables": {"who": NAME}},
        store=False,
    )
    assert answer.output_text == f"You wrote: {text}"
    assert (answer.instructions, answer.user, answer.metadata) == (f"You help {NAME}.", EMAIL, {"customer": EMAIL})
    assert len(provider.requests) == 1
    assert leaked(provider.requests, PLANTED) == []
    decision = masking.audit("--limit", "1")[0]
    assert (decision["action"], decision["endpoint"]) == ("mask", "openai.responses")


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize("manner", [{"piece": 1}, {"piece": 7, "wire": 3}, {"chunk": 5}, {"ascii": True, "chunk": 11}])
def test_a_stream_however_it_is_cut(oai, provider, text, manner):
    provider.next(**manner)
    said, numbers = "", []
    for event in oai.responses.create(model="gpt-5.1", input=text, stream=True):
        numbers.append(event.sequence_number)
        if event.type == "response.output_text.delta":
            said += event.delta
        elif event.type == "response.output_text.done":
            assert said == event.text
        elif event.type == "response.completed":
            final = event.response.output_text
    assert said == final == f"You wrote: {text}"
    assert numbers == list(range(len(numbers)))
    assert leaked(provider.requests, PLANTED) == []


def test_the_sdks_own_stream_helper(oai, provider):
    provider.next(piece=2)
    with oai.responses.stream(model="gpt-5.1", input=ENGLISH, text_format=Answer) as stream:
        said = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert final.output_parsed.answer == f"You wrote: {ENGLISH}"
    assert Answer.model_validate_json(said) == final.output_parsed
    assert leaked(provider.requests, PLANTED) == []


async def test_the_asynchronous_client(aio, provider):
    answer = await aio.responses.create(model="gpt-5.1", input=ENGLISH)
    assert answer.output_text == f"You wrote: {ENGLISH}"
    said = ""
    async for event in await aio.responses.create(model="gpt-5.1", input=CHINESE, stream=True):
        said += event.delta if event.type == "response.output_text.delta" else ""
    assert said == f"You wrote: {CHINESE}"
    parsed = await aio.responses.parse(model="gpt-5.1", input=ENGLISH, text_format=Answer)
    assert parsed.output_parsed.answer == f"You wrote: {ENGLISH}"
    assert leaked(provider.requests, PLANTED) == []


def test_structured_output_whole(oai, provider):
    parsed = oai.responses.parse(model="gpt-5.1", input=f'{ENGLISH} password: "s3cr\\et\\"Z9!kq"', text_format=Answer)
    assert parsed.output_parsed.answer == f'You wrote: {ENGLISH} password: "s3cr\\et\\"Z9!kq"'
    assert leaked(provider.requests, PLANTED) == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_loop_with_tools_that_sends_the_whole_history(oai, provider, stream):
    history: list[Any] = [{"role": "user", "content": f"{ENGLISH} call 3 tools"}]
    if stream:
        provider.next(piece=3, chunk=9)
        streamed: dict[int, str] = {}
        for event in oai.responses.create(model="gpt-5.1", input=history, tools=[FUNCTION], store=False, stream=True):
            if event.type == "response.function_call_arguments.delta":
                streamed[event.output_index] = streamed.get(event.output_index, "") + event.delta
            elif event.type == "response.function_call_arguments.done":
                assert event.arguments == streamed[event.output_index]
            elif event.type == "response.completed":
                answer = event.response
    else:
        answer = oai.responses.create(model="gpt-5.1", input=history, tools=[FUNCTION], store=False)
    calls = [item for item in answer.output if item.type == "function_call"]
    assert len(calls) == 3
    for call in calls:
        arguments = json.loads(call.arguments)
        assert arguments["text"] == history[0]["content"]
        assert json.loads(arguments["nested"]["json"])["text"] == history[0]["content"]
    history += [item.model_dump(exclude_none=True) for item in answer.output]
    for call in calls:
        result = json.dumps({"sent_to": EMAIL, "card": CARD})
        history.append({"type": "function_call_output", "call_id": call.call_id, "output": result})
    last = oai.responses.create(model="gpt-5.1", input=history, tools=[FUNCTION], store=False)
    assert json.dumps({"sent_to": EMAIL, "card": CARD}) in last.output_text
    assert leaked(provider.requests, PLANTED) == []
    first, second = (json.loads(one.body)["input"] for one in provider.requests)
    assert second[: len(first)] == first
    assert [item["call_id"] for item in second[1:4]] == [call.call_id for call in calls]


def everything(answer: Any) -> list[dict[str, Any]]:
    return [item.to_dict(warnings=False) for item in answer.output]


HOSTED = {
    "mcp_call": ["arguments"],
    "mcp_approval_request": ["arguments"],
    "code_interpreter_call": ["code"],
    "web_search_call": ["action"],
    "file_search_call": ["queries"],
    "tool_search_call": ["arguments"],
}
"""What goes to tools that the provider runs, and by default gets no values."""


@pytest.mark.parametrize("stream", [False, True])
def test_output_items_of_every_kind(oai, provider, stream):
    provider.script = output_items
    provider.next(piece=2)
    if stream:
        pieces: dict[Any, str] = {}
        for event in oai.responses.create(model="gpt-5.1", input=ENGLISH, stream=True):
            data = event.to_dict(warnings=False)
            base = event.type.rpartition(".")[0]
            if event.type.endswith(".delta") and isinstance(data["delta"], str):
                key = (base, *(data.get(f"{name}_index") for name in ("output", "content", "summary", "command")))
                pieces[key] = pieces.get(key, "") + data["delta"]
            elif event.type == "response.completed":
                answer = event.response
        assert len(pieces) >= 12
        masked = json.loads(provider.requests[-1].body)["input"]
        for (base, *_), said in pieces.items():
            hosted = base.endswith(("mcp_call_arguments", "code_interpreter_call_code"))
            assert (masked if hosted else ENGLISH) in said.replace('\\"', '"')
    else:
        answer = oai.responses.create(model="gpt-5.1", input=ENGLISH)
    masked = json.loads(provider.requests[-1].body)["input"]
    expected = [
        one | {name: told[name] for name in HOSTED.get(one["type"], ()) if name in told}
        for one, told in zip(output_items(ENGLISH), output_items(masked), strict=True)
    ]
    assert everything(answer) == expected
    assert leaked(provider.requests, PLANTED) == []


def test_annotations_point_into_the_restored_text(oai, provider):
    def script(text: str) -> list[dict[str, Any]]:
        said = f"{text} See [site]."
        start = said.index("[site]")
        citation = {"type": "url_citation", "title": "t", "url": "https://example.com/", "start_index": start}
        part = {"type": "output_text", "text": said, "annotations": [{**citation, "end_index": start + 6}]}
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
        return [{**item, "content": [{**part, "logprobs": []}]}]

    provider.script = script
    whole = oai.responses.create(model="gpt-5.1", input=ENGLISH).output[0].content[0]
    found = [(whole.text, whole.annotations[0])]
    said = ""
    for event in oai.responses.create(model="gpt-5.1", input=ENGLISH, stream=True):
        if event.type == "response.output_text.delta":
            said += event.delta
        elif event.type == "response.output_text.annotation.added":
            found.append((said, event.annotation))
    for text, annotation in found:
        told = annotation if isinstance(annotation, dict) else annotation.to_dict()
        assert f"{ENGLISH} See [site]."[told["start_index"] : told["end_index"]] == "[site]"
        assert text.startswith("Please write")


def test_an_untouched_request_leaves_byte_for_byte(oai, provider):
    body = {"model": "gpt-5.1", "input": "Why is the sky blue?", "store": True, "previous_response_id": None}
    oai.responses.create(**body)
    assert json.loads(provider.requests[0].body) == body


@pytest.mark.parametrize("status", [400, 429, 500])
def test_errors_that_quote_the_prompt_are_restored(oai, provider, status):
    provider.next(status=status)
    with pytest.raises(openai.APIStatusError) as caught:
        oai.responses.create(model="gpt-5.1", input=ENGLISH)
    assert caught.value.status_code == status
    assert EMAIL in str(caught.value)


def test_an_error_event_in_mid_stream_is_restored(oai, provider):
    provider.next(error_after=6)
    told = list(oai.responses.create(model="gpt-5.1", input=ENGLISH, stream=True))
    assert told[-1].type == "error"
    assert EMAIL in told[-1].message


def test_a_stream_that_breaks_off_raises_in_the_sdk(oai, provider):
    provider.next(hang_up_after=6)
    with pytest.raises(openai.APIError):
        list(oai.responses.create(model="gpt-5.1", input=ENGLISH, stream=True))


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
    ],
)
def test_what_cannot_be_read_is_refused_in_the_sdks_own_exception(oai, provider, part):
    with pytest.raises(openai.PermissionDeniedError) as caught:
        oai.responses.create(model="gpt-5.1", input=[{"role": "user", "content": [part]}])
    assert caught.value.code == "blocked_by_policy"
    assert provider.requests == []


# -- stored state, without a vault (with one: test_vault.py) -----------------------------------------------------------


@pytest.fixture(scope="module")
def forgetful(platform, tmp_path_factory):
    with GatewayProcess(tmp_path_factory.mktemp("forgetful"), platform, {"vault": {"enabled": False}}) as gateway:
        yield gateway


@pytest.fixture
def without_vault(forgetful, provider):
    http = openai.DefaultHttpxClient(proxy=forgetful.proxy, verify=forgetful.trust)
    with openai.OpenAI(api_key="sk-test-1", max_retries=0, http_client=http) as client:
        yield client


@pytest.mark.parametrize(
    "more",
    [
        {"previous_response_id": "resp_000000000000000000000001"},
        {"conversation": "conv_1"},
        {"background": True},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"stream": True, "previous_response_id": "resp_000000000000000000000001"},
    ],
)
def test_a_request_that_leans_on_stored_state_is_refused(without_vault, provider, forgetful, more):
    oai = without_vault
    oai.responses.create(model="gpt-5.1", input=ENGLISH, store=True)
    provider.clear()
    with pytest.raises(openai.BadRequestError) as caught:
        oai.responses.create(**{"model": "gpt-5.1", "input": "And her address?", **more})
    assert caught.value.code == "stored_state"
    assert "whole conversation" in str(caught.value) or "items" in str(caught.value) or "stream" in str(caught.value)
    assert provider.requests == []
    assert forgetful.audit("--limit", "1")[0]["reason"] == "error:stored_state"


def test_stored_objects_are_not_handed_out_but_can_be_deleted(without_vault, provider, forgetful):
    oai = without_vault
    stored = oai.responses.create(model="gpt-5.1", input=ENGLISH, store=True).id
    provider.clear()
    for ask in (
        lambda: oai.responses.retrieve(stored),
        lambda: list(oai.responses.retrieve(stored, stream=True)),
        lambda: oai.responses.input_items.list(stored),
        lambda: oai.responses.cancel(stored),
        lambda: oai.responses.compact(model="gpt-5.1", input=ENGLISH),
        lambda: oai.conversations.create(items=[{"role": "user", "content": ENGLISH}]),
        lambda: oai.conversations.retrieve("conv_1"),
        lambda: oai.conversations.items.list("conv_1"),
        lambda: oai.chat.completions.retrieve("chatcmpl-1"),
        lambda: oai.chat.completions.messages.list("chatcmpl-1"),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            ask()
        assert caught.value.code == "stored_state"
    assert provider.requests == []
    oai.responses.delete(stored)
    assert [one.method for one in provider.requests] == ["DELETE"]
    assert not (forgetful.state / "vault.key").exists()


def test_tokens_are_counted_with_stored_state(oai, provider):
    counted = oai.responses.input_tokens.count(model="gpt-5.1", input=ENGLISH, previous_response_id="resp_1")
    assert counted.input_tokens > 0
    assert leaked(provider.requests, PLANTED) == []


def test_reading_back_says_why_to_any_client(forgetful, provider):
    data = request(method="GET", path="/v1/responses/resp_1")
    answer = through_proxy(forgetful.proxy, forgetful.trust, data)
    assert (answer.status, answer.json()["error"]["code"]) == (400, "stored_state")
    assert provider.requests == []


# -- the other text endpoints ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_completions_whole_and_streamed(oai, provider, text):
    whole = oai.completions.create(model="gpt-3.5-turbo-instruct", prompt=[text, "Hello"], user=EMAIL)
    assert [choice.text for choice in whole.choices] == [f"You wrote: {text}", "You wrote: Hello"]
    provider.next(piece=3, chunk=7)
    chunks = oai.completions.create(model="gpt-3.5-turbo-instruct", prompt=text, stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks) == f"You wrote: {text}"
    assert leaked(provider.requests, PLANTED) == []


def test_embeddings_are_the_same_for_the_same_text(oai, provider):
    first, second = (
        oai.embeddings.create(model="text-embedding-3-small", input=[ENGLISH, CHINESE], user=EMAIL).data
        for _ in range(2)
    )
    assert [one.embedding for one in first] == [one.embedding for one in second]
    assert len(first) == 2
    assert leaked(provider.requests, PLANTED) == []


def test_token_ids_are_refused(oai, provider):
    for ask in (
        lambda: oai.embeddings.create(model="text-embedding-3-small", input=[1, 2, 3]),
        lambda: oai.completions.create(model="gpt-3.5-turbo-instruct", prompt=[[1, 2], [3]]),
    ):
        with pytest.raises(openai.PermissionDeniedError, match="tokens"):
            ask()
    assert provider.requests == []


def test_moderations_images_speech_and_search(oai, provider):
    verdicts = oai.moderations.create(input=[{"type": "text", "text": ENGLISH}]).results
    assert [verdict.flagged for verdict in verdicts] == [False]
    picture = oai.images.generate(model="gpt-image-1", prompt=ENGLISH, user=EMAIL).data[0]
    assert (picture.b64_json, picture.revised_prompt) == ("iVBORw0KGgo=", f"A picture of: {ENGLISH}")
    sound = oai.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input=ENGLISH, instructions=f"Be {NAME}.")
    assert sound.read() == b"ID3\x00\xff\xfe sound"
    found = oai.vector_stores.search("vs_1", query=ENGLISH, filters={"type": "eq", "key": "who", "value": NAME}).data
    assert found[0].content[0].text == f"Found for {ENGLISH}"
    assert len(provider.requests) == 4
    assert leaked(provider.requests, PLANTED) == []


def test_a_recording_to_transcribe_is_refused(oai, provider):
    with pytest.raises(openai.PermissionDeniedError) as caught:
        oai.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", b"RIFF"), prompt=NAME)
    assert caught.value.code == "blocked_by_policy"
    assert provider.requests == []
