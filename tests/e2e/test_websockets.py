"""Realtime, and Responses over a websocket: the stock ``openai`` package through the gateway, and raw sockets."""

from __future__ import annotations

import asyncio
import json

import openai
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.doubles.realtime import Sockets
from tests.e2e.harness import GatewayProcess

NAME, EMAIL, CARD = "Maria Gonzalez", "maria.gonzalez@example.com", "4111 1111 1111 1111"
ENGLISH = f"Please write to {NAME} ({EMAIL}); she paid with card {CARD}."
CHINESE = "请给张伟打电话，手机 13912345678，身份证号 11010519491231002X。"
PLANTED = (NAME, "Gonzalez", EMAIL, CARD, "张伟", "13912345678", "11010519491231002X", "sk-browser-key-1")
FUNCTION = {"type": "function", "name": "send_mail", "description": f"Mail {NAME}.", "parameters": {"type": "object"}}


@pytest.fixture(scope="module")
def running():
    with Sockets() as double:
        yield double


@pytest.fixture(scope="module")
def guarded(running, tmp_path_factory):
    to = {"resolve_to": f"127.0.0.1:{running.port}", "ca_file": str(running.ca)}
    changes = {
        "upstreams": {"openai": to, "azure-openai": to, "deepseek": {**to, "websockets": "refuse"}},
        "limits": {"body_bytes": 200_000, "event_bytes": 300_000},
        "policy": {"entities": {"US_SSN": "block"}, "tools": {"untrusted": ["fetch_url"]}},
    }
    with GatewayProcess(tmp_path_factory.mktemp("sockets"), None, changes) as process:
        yield process


@pytest.fixture
def double(running):
    running.clear()
    return running


@pytest.fixture
async def client(guarded, double, monkeypatch):
    async with openai.AsyncOpenAI(api_key="sk-test-1", max_retries=0) as one:
        yield one


@pytest.fixture
def through(guarded):
    return {"proxy": guarded.proxy, "ssl": guarded.trust}


@pytest.fixture(autouse=True)
def proxied(guarded, monkeypatch):
    """As ``coatcheck run`` sets a child's environment."""
    monkeypatch.setenv("HTTPS_PROXY", guarded.proxy)
    monkeypatch.setenv("SSL_CERT_FILE", str(guarded.bundle))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)


def leaked(double):
    seen = "\n".join([*double.heads, *(str(one) for one in double.messages), *(why for _, why in double.closes)])
    seen += json.dumps([json.loads(one) for one in double.messages if isinstance(one, str)], ensure_ascii=False)
    return [value for value in PLANTED[:-1] if value in seen]


async def until(connection, kind):
    """The events up to the first of a kind."""
    events = []
    while not events or events[-1].type != kind:
        events.append(await connection.recv())
    return events


def user(text):
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


@pytest.mark.parametrize(("text", "piece"), [(ENGLISH, 5), (ENGLISH, 1), (CHINESE, 3), (ENGLISH, 1000)])
async def test_a_realtime_conversation(client, double, guarded, text, piece):
    double.piece = piece
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await until(connection, "session.created")
        session = {"type": "realtime", "instructions": f"You help {NAME}.", "output_modalities": ["text"]}
        await connection.session.update(session=session)
        updated = (await until(connection, "session.updated"))[-1]
        assert updated.session.instructions == f"You help {NAME}."
        await connection.conversation.item.create(item=user(text))
        assert (await until(connection, "conversation.item.done"))[-1].item.content[0].text == text
        await connection.response.create()
        events = await until(connection, "response.done")
    deltas = [one.delta for one in events if one.type == "response.output_text.delta"]
    assert "".join(deltas) == f"You wrote: {text}"
    assert next(one.text for one in events if one.type == "response.output_text.done") == f"You wrote: {text}"
    assert events[-1].response.output[0].content[0].text == f"You wrote: {text}"
    assert leaked(double) == []


async def test_what_is_recorded_of_a_conversation(client, double, guarded):
    before = len(guarded.decisions())
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.conversation.item.create(item=user(ENGLISH))
        await connection.response.create()
        await until(connection, "response.done")
        await connection.input_audio_buffer.clear()
    upgrade, item = guarded.decisions()[before:]
    assert (upgrade["endpoint"], upgrade["action"]) == ("openai.realtime", "allow")
    assert (item["endpoint"], item["action"], item["principal"]) == ("openai.realtime", "mask", upgrade["principal"])
    of_item, of_upgrade = guarded.audit("--limit", "2")
    assert (of_item["outcome"]["output_tokens"], of_item["outcome"]["complete"]) == (7, True)
    assert of_item["outcome"]["placeholders_restored"] > 0
    assert of_upgrade["outcome"]["status"] == 101


async def test_a_tool_call_and_its_result(client, double):
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "tools": [FUNCTION]})
        await connection.conversation.item.create(item=user(ENGLISH))
        await connection.response.create()
        events = await until(connection, "response.done")
        done = next(one for one in events if one.type == "response.function_call_arguments.done")
        pieces = [one.delta for one in events if one.type == "response.function_call_arguments.delta"]
        assert json.loads(done.arguments) == json.loads("".join(pieces)) == {"text": ENGLISH}
        output = {"type": "function_call_output", "call_id": "call_1", "output": json.dumps({"sent": EMAIL})}
        await connection.conversation.item.create(item=output)
        await until(connection, "conversation.item.done")
    assert leaked(double) == []


async def test_an_untrusted_tool_gets_no_values(client, double):
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "tools": [{**FUNCTION, "name": "fetch_url"}]})
        await connection.conversation.item.create(item=user(ENGLISH))
        await connection.response.create()
        events = await until(connection, "response.done")
    done = next(one for one in events if one.type == "response.function_call_arguments.done")
    pieces = "".join(one.delta for one in events if one.type == "response.function_call_arguments.delta")
    assert EMAIL not in done.arguments + pieces + events[-1].response.output[0].arguments


async def test_sound_follows_the_policy_and_spoken_words_are_restored(client, double):
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.conversation.item.create(item=user(ENGLISH))
        await connection.input_audio_buffer.append(audio="AAAA" * 100)
        error = (await until(connection, "error"))[-1]
        assert error.error.code == "blocked_by_policy"
        await connection.response.create(response={"output_modalities": ["audio"]})
        events = await until(connection, "response.done")
    deltas = [one.delta for one in events if one.type == "response.output_audio_transcript.delta"]
    assert "".join(deltas) == f"You wrote: {ENGLISH}"
    assert any(one.type == "response.output_audio.delta" for one in events)
    assert not any("input_audio_buffer.append" in str(one) for one in double.messages)


async def test_what_the_policy_blocks_is_an_error_event_and_the_conversation_goes_on(client, double):
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.conversation.item.create(item=user("My SSN is 219-09-9999, social security number."))
        error = (await until(connection, "error"))[-1]
        assert (error.error.code, error.error.type) == ("blocked_by_policy", "permission_error")
        await connection.conversation.item.create(item=user("hello"))
        await until(connection, "conversation.item.done")
    assert len(double.messages) == 1


@pytest.mark.parametrize("piece", [1, 4, 50])
async def test_responses_over_a_websocket(client, double, guarded, piece):
    double.piece = piece
    async with client.responses.connect() as connection:
        await connection.response.create(model="gpt-5.1", input=ENGLISH, instructions=f"You help {NAME}.", store=False)
        events = await until(connection, "response.completed")
        first = events[-1].response
        assert first.output_text == f"You wrote: {ENGLISH}"
        assert "".join(one.delta for one in events if one.type == "response.output_text.delta") == first.output_text
        assert [one.sequence_number for one in events] == list(range(len(events)))
        await connection.response.create(
            model="gpt-5.1", input=f"And {EMAIL}?", previous_response_id=first.id, store=False
        )
        double.say = None
        second = (await until(connection, "response.completed"))[-1].response
        assert second.output_text == f"You wrote: And {EMAIL}?"
    assert leaked(double) == []
    assert guarded.decisions()[-1]["endpoint"] == "openai.responses.socket"


async def test_an_earlier_message_s_values_come_back_in_a_later_reply(client, double):
    async with client.responses.connect() as connection:
        await connection.response.create(model="gpt-5.1", input=f"I am {NAME}.", store=False)
        first = (await until(connection, "response.completed"))[-1].response
        sent = json.loads(double.messages[0])["input"]
        double.say = sent.removeprefix("I am ").removesuffix(".")
        await connection.response.create(model="gpt-5.1", input="Who am I?", previous_response_id=first.id, store=False)
        second = (await until(connection, "response.completed"))[-1].response
    assert double.say != NAME
    assert second.output_text == NAME


async def test_a_stored_response_is_known_on_another_connection_and_to_nobody_else(client, double, through):
    async with client.responses.connect() as connection:
        await connection.response.create(model="gpt-5.1", input=f"I am {NAME}.")
        first = (await until(connection, "response.completed"))[-1].response
        placeholder = json.loads(double.messages[0])["input"].removeprefix("I am ").removesuffix(".")
    double.say = placeholder
    async with client.responses.connect() as connection:
        await connection.response.create(model="gpt-5.1", input="Who am I?", previous_response_id=first.id)
        assert (await until(connection, "response.completed"))[-1].response.output_text == NAME
    async with client.with_options(api_key="sk-test-2").responses.connect() as connection:
        await connection.response.create(model="gpt-5.1", input="Who am I?", previous_response_id=first.id)
        assert (await until(connection, "error"))[-1].error.code == "stored_state"
        await connection.response.create(model="gpt-5.1", input="Who am I?")
        assert (await until(connection, "response.completed"))[-1].response.output_text == placeholder


async def raw(double, through, *messages, path="/v1/realtime?model=gpt-realtime", host="api.openai.com", **options):
    """What comes back for raw messages, until the gateway closes: texts, and the close code."""
    headers = {"authorization": "Bearer sk-test-1"}
    got = []
    async with connect(f"wss://{host}{path}", additional_headers=headers, **through, **options) as connection:
        try:
            for message in messages:
                await connection.send(message)
            while True:
                got.append(json.loads(await connection.recv()))
        except ConnectionClosed:
            return got, connection.close_code


@pytest.mark.parametrize(
    ("message", "code", "close"),
    [
        (b"\x00\x01 Maria Gonzalez", "blocked_by_policy", 1003),
        ("Maria Gonzalez", "malformed_json", 1007),
        ('{"type": "session.update", "type": "x"}', "duplicate_key", 1007),
        ('["Maria Gonzalez"]', "not_an_object", 1007),
        ('{"type": "a", "x": ' + "[" * 300 + "]" * 300 + "}", "too_deep", 1007),
        (json.dumps({"type": "session.update", "session": {"instructions": "x" * 250_000}}), "request_too_large", 1009),
    ],
)
async def test_what_cannot_be_read_ends_the_connection(double, through, message, code, close):
    got, closed = await raw(double, through, message)
    assert (got[-1]["type"], got[-1]["error"]["code"], closed) == ("error", code, close)
    assert double.messages == []


async def test_an_unknown_event_is_scanned_leaf_by_leaf(double, through):
    event = {"type": "new.event", "deep": {"note": [f"for {NAME}", 13912345678]}, NAME: "x"}
    headers = {"authorization": "Bearer sk-test-1"}
    async with connect("wss://api.openai.com/v1/realtime", additional_headers=headers, **through) as connection:
        await connection.send(json.dumps(event))
        await connection.send(json.dumps({"type": "conversation.item.create", "item": user("x")}))
        while json.loads(await connection.recv())["type"] != "conversation.item.done":
            pass
    assert json.loads(double.messages[0])["type"] == "new.event"
    assert leaked(double) == []


async def test_pings_and_close_reasons_carry_nothing(double, through):
    headers = {"authorization": "Bearer sk-test-1"}
    async with connect("wss://api.openai.com/v1/realtime", additional_headers=headers, **through) as connection:
        await connection.recv()
        waiter = await connection.ping(NAME)
        await waiter
        await connection.pong(NAME)
        await connection.close(1000, f"bye {NAME}")
    assert await asyncio.to_thread(double.closed.wait, 30)
    assert leaked(double) == []
    assert {why for _, why in double.closes} == {""}


async def test_a_server_message_that_is_no_json_ends_the_connection(double, through):
    double.events = ["no JSON"]
    got, closed = await raw(double, through, json.dumps({"type": "conversation.item.create", "item": user(ENGLISH)}))
    assert (got[-1]["error"]["code"], closed) == ("malformed_event", 1011)


async def test_the_browser_s_key_is_the_caller_and_reaches_the_provider(double, through, guarded):
    protocols = ["realtime", "openai-insecure-api-key.sk-test-1", "openai-beta.realtime-v1"]
    async with connect("wss://api.openai.com/v1/realtime", subprotocols=protocols, **through) as connection:
        assert connection.subprotocol == "realtime"
        await connection.send(json.dumps({"type": "conversation.item.create", "item": user(NAME)}))
        while json.loads(await connection.recv())["type"] != "conversation.item.done":
            pass
    assert "openai-insecure-api-key.sk-test-1" in double.heads[0]
    principals = {one["principal"] for one in guarded.decisions()}
    headers = {"authorization": "Bearer sk-test-1"}
    async with connect("wss://api.openai.com/v1/realtime", additional_headers=headers, **through) as connection:
        await connection.recv()
    assert guarded.decisions()[-1]["principal"] in principals
    assert leaked(double) == []


async def test_azure_s_path(double, through):
    path = "/openai/realtime?api-version=2025-04-01-preview&deployment=d"
    event = json.dumps({"type": "conversation.item.create", "item": user(NAME)})
    headers = {"api-key": "azure-key-1"}
    async with connect(f"wss://resource.openai.azure.com{path}", additional_headers=headers, **through) as connection:
        await connection.send(event)
        while json.loads(await connection.recv())["type"] != "conversation.item.done":
            pass
    assert leaked(double) == []
    assert "deployment=d" in double.heads[0]


@pytest.mark.parametrize(
    ("host", "path"),
    [("api.openai.com", "/v1/other"), ("api.deepseek.com", "/v1/realtime"), ("api.anthropic.com", "/v1/realtime")],
)
async def test_other_upgrades_are_refused_with_the_status_on_which_clients_fall_back(double, through, host, path):
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"wss://{host}{path}", **through):
            pass
    assert refused.value.response.status_code == 426
    assert double.heads == []


async def test_an_upgrade_s_query_and_headers_are_masked_and_compression_is_not_agreed_on(double, through):
    headers = {"authorization": "Bearer sk-test-1", "x-note": f"for {EMAIL}"}
    url = f"wss://api.openai.com/v1/realtime?model=gpt-realtime&who={EMAIL}"
    async with connect(url, additional_headers=headers, compression="deflate", **through) as connection:
        await connection.recv()
        assert connection.protocol.extensions == []
    assert leaked(double) == []
    assert "sec-websocket-key" in double.heads[0].lower()


def test_nothing_raw_is_left_behind(guarded, double):
    for path, data in guarded.files().items():
        for value in (NAME, EMAIL, CARD, "sk-test-1"):
            assert value.encode() not in data, path.name
    assert not any(value in guarded.output for value in PLANTED)
