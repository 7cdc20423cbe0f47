"""What becomes of each message of a websocket: judged, recorded before it leaves, restored; none passes unread."""

from __future__ import annotations

import asyncio
import json

import pytest

from addons.admission import Admission, Refused
from addons.websocket_session import Socket
from addons.websocket_talk import Talk, TalkPipeline
from addons.wire.realtime_registry import socket_at
from detectors.errors import DetectorTimeout
from tests.addons.pipeline_doubles import EMAIL, NAME, PHONE, PLANTED, TEXT, Bench, inbound

WHERE = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}


class Wire:
    """A connection whose messages are judged by a bench of doubles."""

    def __init__(self, changes=None, path="/v1/realtime", limit=10_000):
        self.bench = Bench(changes)
        endpoint = socket_at("openai", path)
        talk = Talk(endpoint.codec(), endpoint.name)
        pipeline = TalkPipeline(self.bench.pipeline, talk)
        upgrade = inbound(b"", method="GET", target=path)
        plan = asyncio.run(pipeline.judge(upgrade))
        plan.exchange.sent = 0.0
        self.socket = Socket(pipeline, talk, upgrade, plan.exchange, message_bytes=limit, event_bytes=limit)

    def client(self, event, **options):
        content = event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False).encode()
        return asyncio.run(
            self.socket.from_client(content, is_text=True) if not options else self._client(content, options)
        )

    async def _client(self, content, options):
        return await self.socket.from_client(content, **{"is_text": True, **options})

    def server(self, event, is_text=True):
        content = event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False).encode()
        return asyncio.run(self.socket.from_server(content, is_text=is_text))

    def reply(self, text, size=4):
        """A whole response; what of it reaches the client, and the last verdict."""
        events = [{"type": "response.created", "event_id": "e", "response": {"id": "resp_1"}}]
        events += [
            {"type": "response.output_text.delta", "event_id": "e", **WHERE, "delta": text[at : at + size]}
            for at in range(0, len(text), size)
        ]
        events.append({"type": "response.output_text.done", "event_id": "e", **WHERE, "text": text})
        events.append({"type": "response.done", "event_id": "e", "response": {"id": "resp_1", "status": "completed"}})
        out = []
        for event in events:
            passing = self.server(event)
            out += [json.loads(one) for one in passing.on]
            if passing.close is not None:
                break
        return out, passing

    @property
    def decisions(self):
        return self.bench.recorder.decisions


def item(text):
    content = [{"type": "input_text", "text": text}]
    return {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}}


def said(passing):
    assert passing.close is None
    return json.loads(passing.on[0])["item"]["content"][0]["text"]


def error(passing):
    assert passing.on == ()
    return json.loads(passing.back[0])["error"]["code"]


def test_a_message_is_masked_recorded_and_what_comes_back_restored():
    wire = Wire()
    masked = said(wire.client(item(TEXT)))
    assert not any(value in masked for value in PLANTED)
    assert [one.endpoint for one in wire.decisions] == ["openai.realtime"] * 2
    assert [one.action for one in wire.decisions] == ["allow", "mask"]
    out, _ = wire.reply(masked)
    assert "".join(one.get("delta", "") for one in out) == TEXT
    assert wire.bench.recorder.outcomes[-1].decision_id == wire.decisions[-1].id
    assert wire.bench.recorder.outcomes[-1].placeholders_restored > 0


def test_a_message_without_text_needs_no_record():
    wire = Wire()
    assert wire.client({"type": "response.create"}).on == ['{"type": "response.create"}']
    wire.client({"type": "input_audio_buffer.commit", "event_id": "event_1"})
    assert len(wire.decisions) == 1


def test_one_value_has_one_placeholder_over_the_whole_connection():
    wire = Wire()
    first, second = said(wire.client(item(NAME))), said(wire.client(item(f"{NAME}, {EMAIL}")))
    assert second.startswith(first)
    out, _ = wire.reply(f"{first}!")
    assert "".join(one.get("delta", "") for one in out) == f"{NAME}!"


def test_a_name_that_was_spelled_out_before_is_masked_where_it_is_shortened():
    wire = Wire()
    wire.client(item(f"I am {NAME}."))
    assert "Gonzalez" not in said(wire.client(item("Ms. Gonzalez will come.")))


def test_another_s_placeholder_stays_one():
    one, other = Wire(), Wire()
    placeholder = said(one.client(item(NAME)))
    other.client(item(EMAIL))
    out, _ = other.reply(placeholder)
    assert "".join(one.get("delta", "") for one in out) == placeholder


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda bench: setattr(bench.detector, "fault", DetectorTimeout("late")), "detector_timeout"),
        (lambda bench: setattr(bench.detector, "fault", RuntimeError(NAME)), "gateway_error"),
        (lambda bench: setattr(bench.recorder, "fault", RuntimeError(NAME)), "gateway_error"),
        (lambda bench: setattr(bench.detector, "answers", []), "gateway_error"),
    ],
)
def test_whatever_fails_ends_the_connection_and_nothing_leaves(break_it, code, caplog):
    wire = Wire()
    break_it(wire.bench)
    passing = wire.client(item(TEXT))
    assert (error(passing), passing.close) == (code, 1011)
    assert not any(value in passing.back[0] + caplog.text for value in PLANTED)


@pytest.mark.parametrize(("content", "close"), [(b"{", 1007), (b"[]", 1007), (b"x" * 20_000, 1009)])
def test_what_cannot_be_read_ends_the_connection(content, close):
    wire = Wire()
    assert wire.client(content).close == close
    assert wire.decisions[-1].action == "block"


def test_binary_messages_follow_the_policy():
    passing = Wire().client(NAME.encode(), is_text=False)
    assert (error(passing), passing.close) == ("blocked_by_policy", 1003)
    open_wire = Wire({"policy": {"unreadable": {"binary": "allow"}}})
    assert open_wire.client(b"\x00\x01", is_text=False).on == [b"\x00\x01"]


def test_sound_is_judged_once_each_way():
    sound = {"type": "input_audio_buffer.append", "audio": "AAAA"}
    closed, opened = Wire(), Wire({"policy": {"unreadable": {"audio": "allow"}}})
    for _ in range(3):
        assert error(closed.client(sound)) == "blocked_by_policy"
        assert len(opened.client(sound).on) == 1
    assert [one.action for one in closed.decisions] == ["allow", "block"]
    assert [one.action for one in opened.decisions] == ["allow", "allow"]
    opened.client({**sound, "audio": "AAAA" * 9})
    assert len(opened.decisions) == 3


def test_what_is_to_be_rerouted_is_refused_with_its_reason():
    policy = {"entities": {"PERSON": {"action": "reroute", "to": "local"}}}
    wire = Wire({"policy": policy, "onprem": {"local": {"url": "http://127.0.0.1:9"}}})
    passing = wire.client(item(NAME))
    assert (error(passing), passing.close) == ("reroute_unsupported", None)
    assert wire.decisions[-1].action == "block"


def test_observing_changes_nothing():
    wire = Wire({"policy": {"mode": "observe"}})
    assert said(wire.client(item(TEXT))) == TEXT
    assert wire.decisions[-1].would_action == "mask"


def test_a_gateway_that_shuts_down_takes_no_more():
    passing = Wire().client(item("x"), is_text=True, draining=True)
    assert (error(passing), passing.close) == ("draining", 1012)


def test_a_server_message_that_cannot_be_read_is_withheld():
    wire = Wire()
    for content, close in ((b"{", 1011), (b"\xff", 1011), (b"x" * 20_000, 1009)):
        assert wire.server(content).on == ()
        assert wire.server(content).close == close
    wire.socket.end()
    assert wire.bench.recorder.outcomes[-1].error == "malformed_event"


@pytest.mark.parametrize("size", [1, 3, 7, 200])
def test_what_the_model_adds_is_masked_however_it_is_cut(size):
    wire = Wire({"policy": {"response": {"entities": {"EMAIL_ADDRESS": "mask"}}}})
    own = said(wire.client(item(NAME)))
    out, _ = wire.reply(f"{own}, write to joe.bloggs@example.org today. Thank you.", size)
    text = "".join(one.get("delta", "") for one in out)
    assert text.startswith(f"{NAME}, write to EMAIL_ADDRESS_")
    assert "joe.bloggs" not in json.dumps(out)
    whole = next(one["text"] for one in out if one["type"] == "response.output_text.done")
    assert whole == text


def test_what_the_caller_said_earlier_is_not_the_model_s():
    wire = Wire({"policy": {"response": {"entities": {"EMAIL_ADDRESS": "block"}}}})
    own = said(wire.client(item(EMAIL)))
    wire.client(item("hello there"))
    out, _ = wire.reply(f"It is {own} or {EMAIL}.")
    assert "".join(one.get("delta", "") for one in out) == f"It is {EMAIL} or {EMAIL}."


def test_what_the_policy_blocks_in_a_reply_ends_the_connection():
    wire = Wire({"policy": {"response": {"entities": {"EMAIL_ADDRESS": "block"}}}})
    wire.client(item("hello"))
    out, passing = wire.reply("It is joe.bloggs@example.org. So it is.")
    assert "joe" not in json.dumps(out)
    assert (error(passing), passing.close) == ("response_blocked_by_policy", 1008)


def test_a_connection_that_breaks_off_in_a_reply_is_recorded_so():
    wire = Wire()
    wire.client(item(TEXT))
    wire.server({"type": "response.created", "event_id": "e", "response": {"id": "resp_1"}})
    wire.socket.end()
    outcomes = {one.decision_id: one for one in wire.bench.recorder.outcomes}
    assert outcomes[wire.decisions[1].id].error == "stream_incomplete"
    assert outcomes[wire.decisions[0].id].error is None


def test_web_pages_may_not_open_a_websocket_at_the_base_url_either():
    admission = Admission([("127.0.0.1", 8080)])
    headers = [("upgrade", "websocket"), ("origin", "https://evil.example.com")]
    with pytest.raises(Refused) as refused:
        admission.request(
            reverse=True, headers=headers, authority="127.0.0.1", sni=None, destination="x", websockets=True
        )
    assert refused.value.code == "web_page"


def test_a_responses_message_is_recorded_with_its_model():
    wire = Wire(path="/v1/responses")
    wire.client({"type": "response.create", "model": "m", "input": f"call {PHONE}", "store": False})
    assert wire.decisions[-1].endpoint == "openai.responses.socket"
    assert wire.decisions[-1].model == "m"
