"""Gemini Live: tables against the SDK's types, the client's texts, the server's pieces however they are cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.masking.outlets import ToolTrust
from addons.wire import gemini_live, gemini_live_stream
from addons.wire.gemini_content import snake
from addons.wire.gemini_live import GeminiLive
from addons.wire.realtime_registry import socket_at
from addons.wire.types import ReplyFacts, WireError
from tests.addons.wire.positions import Marks
from tests.addons.wire.test_realtime import TOKEN, VALUE, flow

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"


@pytest.mark.parametrize(
    ("model", "table"),
    [
        (types.LiveClientMessage, gemini_live.CLIENT_FIELDS),
        (types.LiveClientSetup, gemini_live.SETUP_FIELDS),
        (types.LiveClientRealtimeInput, gemini_live.INPUT_FIELDS),
        (types.LiveClientContent, gemini_live.CONTENT_FIELDS),
        (types.LiveServerMessage, gemini_live_stream.MESSAGE_FIELDS),
        (types.LiveServerContent, gemini_live_stream.CONTENT_FIELDS),
    ],
)
def test_every_member_of_the_sdks_types_is_known(model: Any, table: Any) -> None:
    assert set(model.model_fields) <= set(table)


def test_which_paths_speak_it() -> None:
    for path in (PATH, "/" + PATH, VERTEX, PATH + "Constrained"):
        for provider in ("google", None):
            endpoint = socket_at(provider, path)
            assert endpoint is not None
            assert endpoint.name == "gemini.live"
        assert socket_at("mistral", path) is None
    assert socket_at("google", "/v1/realtime") is None
    assert socket_at("google", PATH.replace("Content", "Music")) is None


def client_messages(m: Marks) -> list[dict[str, Any]]:
    declared = {"name": "send_mail", "description": m(), "parameters": {"type": "OBJECT", "description": m()}}
    setup = {
        "model": "models/gemini-live",
        "systemInstruction": {"parts": [{"text": m()}]},
        "tools": [{"functionDeclarations": [declared]}],
        "generationConfig": {"responseModalities": ["TEXT"], "temperature": 0.5},
        "inputAudioTranscription": {"customVocabulary": [m()]},
        "labels": {"team": m()},
    }
    answer = {"id": "1", "name": "send_mail", "response": {"sent": m()}}
    return [
        {"setup": setup},
        {"clientContent": {"turns": [{"role": "user", "parts": [{"text": m()}]}], "turnComplete": True}},
        {"realtimeInput": {"text": m()}},
        {"toolResponse": {"functionResponses": [answer]}},
        {"contextUpdate": {"systemInstruction": {"parts": [{"text": m()}]}}},
        {"somethingNew": {"note": m()}},
    ]


def snaked(value: Any) -> Any:
    if isinstance(value, dict):
        return {snake(key): snaked(child) for key, child in value.items()}
    return [snaked(child) for child in value] if isinstance(value, list) else value


@pytest.mark.parametrize("spelled", [lambda message: message, snaked])
def test_every_text_of_the_clients_is_a_segment(spelled: Any) -> None:
    marks = Marks()
    codec, found = GeminiLive(), []
    for message in map(spelled, client_messages(marks)):
        raw = json.dumps(message, ensure_ascii=False).encode()
        request = codec.parse_request(raw)
        found += [segment.text for segment in request.segments]
        assert request.encode({}) == raw
        assert request.model == "gemini-live"
        sent = json.loads(request.encode(dict.fromkeys(range(len(request.segments)), "[X]")))
        assert not any(segment.text in json.dumps(sent, ensure_ascii=False) for segment in request.segments)
    fresh = Marks()
    client_messages(fresh)
    assert sorted(found) == sorted(set(found))
    assert len(found) == 10


def test_what_cannot_be_read_and_what_is_refused() -> None:
    def kinds(**given: Any) -> list[str]:
        request = GeminiLive().parse_request(json.dumps({"realtimeInput": given}).encode())
        assert not request.segments
        return [part.kind.value for part in request.unreadable]

    sound, picture = ({"mimeType": kind, "data": "AAAA"} for kind in ("audio/pcm;rate=16000", "image/jpeg"))
    assert (kinds(audio=sound), kinds(video=picture), kinds(mediaChunks=[sound])) == (["audio"], ["image"], ["audio"])
    assert kinds(audioStreamEnd=True) == []
    for bad in (b"[]", b"{", b'"x"'):
        with pytest.raises(WireError):
            GeminiLive().parse_request(bad)
    for spelling in ({"sessionResumption": {"handle": "h"}}, {"session_resumption": {"handle": "h"}}):
        (named,) = GeminiLive().parse_request(json.dumps({"setup": spelling}).encode()).stored.named
        assert named.needed
    for none in ({}, {"sessionResumption": {}}, {"sessionResumption": {"handle": None}}):
        assert not GeminiLive().parse_request(json.dumps({"setup": none}).encode()).stored.named
    refused = json.loads(GeminiLive().refusal(403, "blocked_by_policy", "No.").body)
    assert (refused["code"], refused["error"]["details"][0]["reason"]) == (403, "BLOCKED_BY_POLICY")


def told(messages: list[dict[str, Any]], restoration: Any = None) -> tuple[list[dict[str, Any]], Any]:
    stream = GeminiLive().open_messages(restoration or flow())
    out = [one for message in messages for one in stream.feed(json.dumps(message, ensure_ascii=False), message)]
    return [json.loads(one) for one in [*out, *stream.close()]], stream


def said(messages: list[dict[str, Any]], *, thought: bool = False) -> str:
    contents = [one.get("serverContent", {}) for one in messages]
    parts = [part for content in contents for part in content.get("modelTurn", {}).get("parts", ())]
    return "".join(part.get("text", "") for part in parts if part.get("thought", False) is thought)


def heard(messages: list[dict[str, Any]], name: str = "outputTranscription") -> str:
    return "".join(one.get("serverContent", {}).get(name, {}).get("text", "") for one in messages)


def turn(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"serverContent": {"modelTurn": {"parts": list(parts)}}}


SOUND = {"inlineData": {"mimeType": "audio/pcm", "data": "AAAA"}}
DONE = {"serverContent": {"turnComplete": True}, "usageMetadata": {"promptTokenCount": 5, "responseTokenCount": 7}}


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_pieces_are_restored_however_they_are_cut(data: st.DataObject) -> None:
    text = f"Dear {TOKEN}, 王 {TOKEN[:7]} and {TOKEN}"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    messages = [turn({"text": piece, "thought": True}) for piece in pieces]
    for piece in pieces:
        messages += [turn({"text": piece}), turn(SOUND), {"serverContent": {"outputTranscription": {"text": piece}}}]
        if data.draw(st.booleans()):  # what is taken apart by the tables is restored alike
            messages[-3]["serverContent"]["interimInputTranscription"] = {"text": TOKEN}
    end = data.draw(st.sampled_from([[DONE], [{"serverContent": {"interrupted": True}}], []]))
    out, _ = told([*messages, *end])
    wanted = text.replace(TOKEN, VALUE)
    assert (said(out), said(out, thought=True), heard(out)) == (wanted, wanted, wanted)
    assert all(types.LiveServerMessage.model_validate(one) for one in out)
    if end:
        assert out[-1] == end[0]


def test_what_needs_no_change_leaves_byte_for_byte() -> None:
    stream = GeminiLive().open_messages(flow())
    for message in (
        turn({"text": "Hello. "}),
        turn(SOUND),
        {"setupComplete": {}},
        DONE,
        {"goAway": {"timeLeft": "5s"}},
    ):
        text = json.dumps(message, indent=3)
        assert stream.feed(text, message) == [text]


def test_tails_leave_with_their_run() -> None:
    cut = TOKEN[:-1]
    out, _ = told([turn({"text": f"Dear {cut}"}), {"toolCall": {"functionCalls": []}}])
    assert [said([one]) for one in out] == ["Dear ", cut, ""]
    out, _ = told(
        [turn({"text": f"Dear {cut}"}, {"text": "Hm.", "thought": True}), turn({"executableCode": {"code": "1"}})]
    )
    assert (said(out), said(out, thought=True)) == (f"Dear {cut}", "Hm.")
    content = {"inputTranscription": {"text": f"I am {TOKEN}", "finished": True}}
    out, _ = told([{"serverContent": content}, {"serverContent": {"generationComplete": True}}])
    assert heard(out[:1], "inputTranscription") == f"I am {VALUE}"
    assert len(out) == 2


def test_calls_are_restored_where_the_tool_is_trusted() -> None:
    def args(trust: ToolTrust | None) -> Any:
        call = {"id": "1", "name": "send_mail", "args": {"to": [f"<{TOKEN}>"]}}
        out, _ = told([{"toolCall": {"functionCalls": [call]}}], flow(trust))
        return out[0]["toolCall"]["functionCalls"][0]["args"]

    assert args(None) == {"to": [f"<{VALUE}>"]}
    assert args(ToolTrust(untrusted=("send_mail",))) == {"to": [f"<{TOKEN}>"]}


def test_segments_count_in_what_was_said() -> None:
    text = f"{TOKEN} lives here."
    segment = {"startIndex": len(TOKEN) + 1, "endIndex": len(text), "text": "lives here."}
    grounded = {"serverContent": {"groundingMetadata": {"groundingSupports": [{"segment": segment}]}}}
    out, _ = told([turn({"text": text}), grounded, DONE])
    found = out[1]["serverContent"]["groundingMetadata"]["groundingSupports"][0]["segment"]
    whole = said(out).encode()
    assert whole[found["startIndex"] : found["endIndex"]].decode() == "lives here."


def test_what_a_message_says_of_the_reply() -> None:
    codec, facts = GeminiLive(), ReplyFacts()
    codec.parse_request(b'{"setup": {"model": "models/gemini-live"}}')
    assert codec.told({"setupComplete": {}}).ends
    assert codec.told(turn({"text": "x"})).begins
    assert not codec.told({"serverContent": {"generationComplete": True}}).ends
    codec.note(facts, DONE)
    assert (facts.complete, facts.input_tokens, facts.output_tokens, facts.model) == (True, 5, 7, "gemini-live")
