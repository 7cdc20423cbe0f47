"""Realtime events: tables against the SDK's types, segments, and that cuts of deltas change nothing."""

from __future__ import annotations

import json
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import realtime
from openai.types.responses import responses_client_event, responses_server_event

from addons.masking.outlets import Outlets, ToolTrust
from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.restorer import FlowRestoration
from addons.wire import realtime as codec
from addons.wire import realtime_stream, responses_socket
from addons.wire.openai_responses import EVENT_FIELDS
from addons.wire.realtime import Realtime
from addons.wire.realtime_frames import event_of
from addons.wire.realtime_registry import socket_at
from addons.wire.responses_socket import ResponsesSocket
from addons.wire.types import ReplyFacts, UnreadableKind, WireError

VALUE = 'Maria "M." Gonzalez'
TOKEN = PlaceholderKey(b"k" * 32, 1).placeholder(Scope("s"), "PERSON", VALUE)


def flow(tools: ToolTrust | None = None) -> FlowRestoration:
    made = FlowRestoration.from_mapping({TOKEN: VALUE})
    made.outlets = Outlets(tools=tools or ToolTrust(trusted=("*",)))
    return made


def members(union):
    return typing.get_args(typing.get_args(union)[0])


def kind_of(event):
    return typing.get_args(event.model_fields["type"].annotation)[0]


# -- the tables and the SDK ------------------------------------------------------------------------------------------


def test_every_client_event_of_the_sdk_and_each_of_its_members_is_known():
    events = [*members(realtime.RealtimeClientEvent), *members(realtime.RealtimeTranslationClientEvent)]
    assert {kind_of(one) for one in events} <= codec.CLIENT_EVENTS
    for event in events:
        assert set(event.model_fields) <= set(codec.CLIENT_FIELDS), event


def test_every_member_of_the_sdk_s_server_events_is_known():
    events = [*members(realtime.RealtimeServerEvent), *members(realtime.RealtimeTranslationServerEvent)]
    unknown = {name for event in events for name in event.model_fields} - set(codec.EVENT_FIELDS)
    assert unknown <= {"languages", "previous_item_id", "closed_at"}, unknown


def test_every_delta_of_the_sdk_is_a_run_or_sound():
    events = [*members(realtime.RealtimeServerEvent), *members(realtime.RealtimeTranslationServerEvent)]
    deltas = {kind_of(one).removesuffix(".delta") for one in events if kind_of(one).endswith(".delta")}
    sound = {one for one in deltas if "audio" in one.rsplit(".", 1)[-1] and not one.endswith("transcript")}
    assert {one for one in sound if "transcription" not in one} <= realtime_stream.SOUND


def test_every_member_of_a_session_and_of_a_response_s_settings_is_known():
    sessions = [realtime.RealtimeSessionCreateRequest, realtime.RealtimeTranscriptionSessionCreateRequest]
    for model in (*sessions, realtime.RealtimeResponseCreateParams):
        assert set(model.model_fields) <= set(codec.RESPONSE_FIELDS), model


def test_every_member_of_the_responses_api_s_client_events_is_known():
    create, steer = members(responses_client_event.ResponsesClientEvent)
    assert {kind_of(create), kind_of(steer)} <= responses_socket.CLIENT_EVENTS
    assert set(create.model_fields) | set(steer.model_fields) <= set(responses_socket.CLIENT_FIELDS)


def test_the_responses_api_s_server_events_are_those_of_its_streams():
    unknown: set[str] = set()
    for event in members(responses_server_event.ResponsesServerEvent):
        unknown |= set(event.model_fields) - set(EVENT_FIELDS)
    assert unknown <= {"stream_id", "delta", "error", "steer", "reason", "required_input", "input", "code", "failure"}


# -- the client's events ---------------------------------------------------------------------------------------------


def parsed(event, made=Realtime):
    return made().parse_request(json.dumps(event).encode())


def texts(event, made=Realtime):
    return {(one.role, one.text) for one in parsed(event, made).segments}


def test_what_is_text_in_realtime_events():
    session = {
        "type": "realtime",
        "model": "gpt-realtime",
        "instructions": "a A",
        "tools": [{"type": "function", "name": "f", "description": "b B", "parameters": {"type": "object"}}],
        "prompt": {"id": "pmpt_1", "variables": {"who": "c C"}},
        "audio": {
            "input": {"format": {"type": "audio/pcm", "rate": 24000}, "transcription": {"prompt": "d D"}},
            "output": {"voice": "marin"},
        },
        "tracing": {"workflow_name": "e E", "metadata": {"k": "f F"}},
        "turn_detection": {"type": "server_vad", "threshold": 0.5},
    }
    found = texts({"type": "session.update", "event_id": "event_1", "session": session})
    assert {text for _, text in found} == {"a A", "b B", "c C", "d D", "e E", "f F"}
    parts = [{"type": "input_text", "text": "g G"}, {"type": "input_audio", "audio": "UklG", "transcript": "h H"}]
    item = {"type": "message", "role": "user", "content": parts}
    event = {"type": "conversation.item.create", "previous_item_id": "root", "item": item}
    assert texts(event) == {("user", "g G"), ("user", "h H")}
    assert [one.kind for one in parsed(event).unreadable] == [UnreadableKind.AUDIO]
    output = {"type": "function_call_output", "call_id": "call_1", "output": '{"x": "i I"}'}
    assert texts({"type": "conversation.item.create", "item": output}) == {("tool", '{"x": "i I"}')}
    create = {"type": "response.create", "response": {"instructions": "j J", "input": [item], "metadata": {"k": "k K"}}}
    assert {text for _, text in texts(create)} == {"g G", "h H", "j J", "k K"}


def test_events_without_text_have_no_segments():
    for event in (
        {"type": "input_audio_buffer.commit", "event_id": "event_1"},
        {"type": "response.cancel", "response_id": "resp_1"},
        {"type": "conversation.item.truncate", "item_id": "item_1", "content_index": 0, "audio_end_ms": 1500000},
    ):
        request = parsed(event)
        assert (list(request.segments), list(request.unreadable)) == ([], [])


def test_sound_is_unreadable_and_an_unknown_event_is_scanned():
    assert [one.kind for one in parsed({"type": "input_audio_buffer.append", "audio": "AAAA"}).unreadable] == ["audio"]
    assert texts({"type": "x.y", "z": ["a b", {"c": "d e"}]}) == {("user", "a b"), ("user", "d e")}
    with pytest.raises(WireError, match="object"):
        parsed(["x"])


def test_what_is_text_in_the_responses_api_s_events():
    event = {"type": "response.create", "stream_id": "lane_1", "model": "m", "input": "a A", "instructions": "b B"}
    assert texts(event, ResponsesSocket) == {("user", "a A"), ("system", "b B")}
    steer = {"type": "response.steer", "previous_response_id": "resp_1", "input": [{"role": "user", "content": "c C"}]}
    assert texts(steer, ResponsesSocket) == {("user", "c C")}
    assert [one.where for one in parsed(steer, ResponsesSocket).stored.named] == ["$.previous_response_id"]


def test_what_a_connection_has_named_itself_needs_no_vault():
    made = ResponsesSocket()
    made.note(ReplyFacts(), {"type": "response.created", "response": {"id": "resp_1", "object": "response"}})
    event = {"type": "response.create", "model": "m", "input": "x", "previous_response_id": "resp_1"}
    assert made.parse_request(json.dumps(event).encode()).stored.named == []


def test_which_paths_are_websockets():
    for path in ("/v1/realtime", "/openai/realtime", "/openai/v1/realtime/", "/v1/realtime/translations"):
        assert socket_at("openai", path).name == "openai.realtime", path
    assert socket_at(None, "/v1/responses").name == "openai.responses.socket"
    assert socket_at("openai", "/v1/responses/resp_1") is None
    assert socket_at("anthropic", "/v1/realtime") is None
    assert socket_at("openai", "/v1/chat/completions") is None


def test_a_server_message_that_is_no_object_is_an_error():
    for text in ("x", "[1]", "", "[" * 100_000):
        with pytest.raises(WireError):
            event_of(text)


# -- the server's events ---------------------------------------------------------------------------------------------

SAID = f"Ask {TOKEN}, or {TOKEN.lower()}'s mother; not PERSON_2222222. {TOKEN}"
RESTORED = SAID.replace(TOKEN, VALUE).replace(TOKEN.lower(), VALUE)
CUTS = st.lists(st.integers(1, len(SAID) - 1), max_size=40).map(lambda cuts: sorted(set(cuts)))


def pieces(text, cuts):
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def fed(made, events):
    stream = made.open_messages(flow())
    out = [one for event in events for one in stream.feed(json.dumps(event), event)]
    return [json.loads(one) for one in [*out, *stream.close()]]


def realtime_events(text, cuts, name="output_text", member="text"):
    where = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    for number, piece in enumerate(pieces(text, cuts)):
        yield {"type": f"response.{name}.delta", "event_id": f"event_{number}", **where, "delta": piece}
        yield {"type": "response.output_audio.delta", "event_id": "event_a", **where, "delta": "AAAA"}
    yield {"type": f"response.{name}.done", "event_id": "event_d", **where, member: text}
    item = {"type": "message", "id": "item_1", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    response = {"id": "resp_1", "object": "realtime.response", "status": "completed", "output": [item]}
    yield {"type": "response.done", "event_id": "event_e", "response": response}


@given(CUTS, st.sampled_from([("output_text", "text"), ("output_audio_transcript", "transcript"), ("text", "text")]))
def test_any_way_of_cutting_deltas_gives_the_same_text(cuts, named):
    out = fed(Realtime(), realtime_events(SAID, cuts, *named))
    deltas = [one["delta"] for one in out if one["type"] == f"response.{named[0]}.delta"]
    assert "".join(deltas) == RESTORED
    assert next(one for one in out if one["type"] == f"response.{named[0]}.done")[named[1]] == RESTORED
    assert out[-1]["response"]["output"][0]["content"][0]["text"] == RESTORED
    added = [one for one in out if one["event_id"].endswith("_rest")]
    assert len(out) == 2 * (len(cuts) + 1) + 2 + len(added)
    assert len(added) <= 1
    kinds = [one["type"] for one in out]
    assert not added or kinds[kinds.index(f"response.{named[0]}.done") - 1] == added[0]["type"]


@given(st.lists(st.integers(1, 60), max_size=20).map(lambda cuts: sorted(set(cuts))))
def test_any_way_of_cutting_arguments_gives_the_same_document(cuts):
    document = json.dumps({"to": TOKEN, "text": f"Dear {TOKEN}", "n": 1, "inner": json.dumps({"a": TOKEN})})
    where = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "call_id": "call_1"}
    events = [
        {"type": "response.function_call_arguments.delta", "event_id": "e", **where, "delta": piece}
        for piece in pieces(document, cuts)
    ]
    events.append({"type": "response.function_call_arguments.done", "event_id": "e", **where, "arguments": document})
    out = fed(Realtime(), events)
    joined = "".join(one["delta"] for one in out[:-1])
    assert json.loads(joined) == json.loads(out[-1]["arguments"])
    assert json.loads(joined)["to"] == VALUE
    assert json.loads(json.loads(joined)["inner"]) == {"a": VALUE}


def lane_events(text, cuts, lane):
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "stream_id": lane}
    head = {"id": "resp_1", "object": "response", "status": "in_progress", "output": []}
    yield {"type": "response.created", "sequence_number": 0, "response": head, "stream_id": lane}
    number = 0
    for number, piece in enumerate(pieces(text, cuts), 1):
        yield {"type": "response.output_text.delta", "sequence_number": number, **where, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", "sequence_number": number + 1, **where, "text": text, "logprobs": []}
    done = {**head, "status": "completed"}
    yield {"type": "response.completed", "sequence_number": number + 2, "response": done, "stream_id": lane}


@given(CUTS, CUTS, st.randoms(use_true_random=False))
def test_replies_side_by_side_do_not_mix_and_stay_one_to_one(first, second, random):
    lanes = {"a": list(lane_events(SAID, first, "a")), "b": list(lane_events(SAID[::-1], second, "b"))}
    sent = sum(len(one) for one in lanes.values())
    mixed = []
    while any(lanes.values()):
        mixed.append(lanes[random.choice([name for name, left in lanes.items() if left])].pop(0))
    out = fed(ResponsesSocket(), mixed)
    assert len(out) == sent
    for lane, text in (("a", RESTORED), ("b", SAID[::-1])):
        mine = [one for one in out if one["stream_id"] == lane]
        assert [one["sequence_number"] for one in mine] == list(range(len(mine)))
        assert "".join(one.get("delta", "") for one in mine) == text


def test_what_the_server_held_back_leaves_when_it_closes():
    where = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    event = {"type": "response.output_text.delta", "event_id": "e", **where, "delta": f"{TOKEN[:-3]}"}
    out = fed(Realtime(), [event])
    assert "".join(one["delta"] for one in out) == TOKEN[:-3]


def test_a_provider_s_tool_gets_no_values_unless_it_is_trusted():
    stream = Realtime().open_messages(flow(ToolTrust()))
    where = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0}
    item = {"type": "mcp_call", "id": "item_1", "name": "look", "server_label": "crm", "arguments": ""}
    events = [
        {
            "type": "response.output_item.added",
            "event_id": "e",
            "response_id": "resp_1",
            "output_index": 0,
            "item": item,
        },
        {"type": "response.mcp_call_arguments.delta", "event_id": "e", **where, "delta": json.dumps({"q": TOKEN})},
        {"type": "response.mcp_call_arguments.done", "event_id": "e", **where, "arguments": json.dumps({"q": TOKEN})},
    ]
    out = "".join(one for event in events for one in stream.feed(json.dumps(event), event))
    assert VALUE.split()[0] not in out
    assert out.count(TOKEN) == 2


def test_probabilities_that_spell_a_placeholder_go():
    where = {"item_id": "item_1", "content_index": 0}
    kind = "conversation.item.input_audio_transcription.delta"
    event = {"type": kind, "event_id": "e", **where, "delta": f"{TOKEN} x", "logprobs": [{"token": TOKEN}]}
    (out,) = fed(Realtime(), [event])
    assert (out["delta"], out["logprobs"]) == (f"{VALUE} x", [])


def test_an_untouched_event_leaves_as_it_came():
    text = '{ "type":"response.output_text.delta", "event_id":"e","item_id":"i", "delta":"h\\u00e9" }'
    assert Realtime().open_messages(flow()).feed(text, json.loads(text)) == [text]
