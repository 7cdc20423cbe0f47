"""Gemini Live: the stock ``google-genai`` package and a raw socket through the gateway."""

from __future__ import annotations

import asyncio
import json

import pytest
from google import genai
from google.genai import errors, types
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.doubles.realtime import Sockets
from tests.e2e.harness import GatewayProcess
from tests.e2e.test_websockets import CHINESE, EMAIL, ENGLISH, FUNCTION, NAME, PLANTED, leaked

MODEL = "gemini-live-2.5-flash-preview"
PATH = "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
PCM = types.Blob(data=b"\0" * 320, mime_type="audio/pcm;rate=16000")


@pytest.fixture(scope="module")
def running():
    with Sockets() as double:
        yield double


@pytest.fixture(scope="module")
def guarded(running, tmp_path_factory):
    to = {"resolve_to": f"127.0.0.1:{running.port}", "ca_file": str(running.ca)}
    with GatewayProcess(tmp_path_factory.mktemp("live"), None, {"upstreams": {"google": to, "vertex": to}}) as process:
        yield process


@pytest.fixture
def double(running):
    running.clear()
    return running


@pytest.fixture
async def client(guarded, double, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", guarded.proxy)
    monkeypatch.setenv("SSL_CERT_FILE", str(guarded.bundle))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    one = genai.Client(api_key="sk-browser-key-1")
    yield one
    await one.aio.aclose()


def config(*modalities, **more):
    return types.LiveConnectConfig(response_modalities=list(modalities), system_instruction=f"You help {NAME}.", **more)


def user(text):
    return types.Content(role="user", parts=[types.Part(text=text)])


async def turn(session):
    return await asyncio.wait_for(_turn(session), 15)


async def _turn(session):
    """What a turn said, what it spoke, and its calls."""
    said, spoken, calls = "", "", []
    async for message in session.receive():
        content = message.server_content
        parts = content.model_turn.parts if content is not None and content.model_turn is not None else ()
        said += "".join(part.text or "" for part in parts)
        if content is not None and content.output_transcription is not None:
            spoken += content.output_transcription.text or ""
        if message.tool_call is not None:
            calls = message.tool_call.function_calls
            break
    return said, spoken, calls


@pytest.mark.parametrize(("text", "piece"), [(ENGLISH, 5), (ENGLISH, 1), (CHINESE, 3), (ENGLISH, 1000)])
async def test_a_conversation(client, double, text, piece):
    double.piece = piece
    async with client.aio.live.connect(model=MODEL, config=config("TEXT")) as session:
        await session.send_client_content(turns=user(text))
        assert await turn(session) == (f"You wrote: {text}", "", [])
        await session.send_realtime_input(text=f"And {NAME}?")
        assert await turn(session) == (f"You wrote: And {NAME}?", "", [])
    assert leaked(double) == []


async def test_what_is_spoken_is_restored_in_its_transcription(client, double):
    double.piece = 4
    wanted = config("AUDIO", output_audio_transcription=types.AudioTranscriptionConfig())
    async with client.aio.live.connect(model=MODEL, config=wanted) as session:
        await session.send_client_content(turns=user(ENGLISH))
        assert await turn(session) == ("", f"You wrote: {ENGLISH}", [])
    assert leaked(double) == []


async def test_a_tool_call_and_its_result(client, double):
    declared = types.FunctionDeclaration(name=FUNCTION["name"], description=FUNCTION["description"])
    wanted = config("TEXT", tools=[types.Tool(function_declarations=[declared])])
    async with client.aio.live.connect(model=MODEL, config=wanted) as session:
        await session.send_client_content(turns=user(CHINESE))
        _, _, (call,) = await turn(session)
        assert call.args == {"text": CHINESE}
        answer = types.FunctionResponse(id=call.id, name=call.name, response={"sent": EMAIL})
        await session.send_tool_response(function_responses=[answer])
        said, _, _ = await turn(session)
    assert said == f'The tool said: {{"sent": "{EMAIL}"}}'
    assert leaked(double) == []


async def test_sound_is_the_policys_to_decide_and_a_refusal_is_googles_error(client, double, guarded):
    async with client.aio.live.connect(model=MODEL, config=config("AUDIO")) as session:
        await session.send_realtime_input(audio=PCM)
        with pytest.raises(errors.ClientError, match="audio") as refused:
            await turn(session)
        assert refused.value.code == 403
    assert len(double.messages) == 1
    upgrade, setup, sound = guarded.decisions()[-3:]
    assert {one["endpoint"] for one in (upgrade, setup, sound)} == {"gemini.live"}
    assert len({one["principal"] for one in (upgrade, setup, sound)}) == 1
    assert [one["action"] for one in (upgrade, setup, sound)] == ["allow", "mask", "block"]
    assert (setup["model"], sound["model"]) == (MODEL, MODEL)


async def test_messages_of_either_kind_are_read_and_the_key_in_the_query_is_the_callers(client, double, guarded):
    way = {"proxy": guarded.proxy, "ssl": guarded.trust}
    setup = {"setup": {"model": f"models/{MODEL}", "systemInstruction": {"parts": [{"text": f"Help {NAME}."}]}}}
    asked = {"clientContent": {"turns": [{"role": "user", "parts": [{"text": ENGLISH}]}], "turnComplete": True}}
    async with connect(f"{PATH}?key=sk-browser-key-1", **way) as connection:
        said = ""
        for message in (setup, asked):
            await connection.send(json.dumps(message).encode())
        while '"turnComplete"' not in said.rpartition("\x1e")[2]:
            received = await asyncio.wait_for(connection.recv(), 15)
            assert isinstance(received, bytes)
            said += "\x1e" + received.decode()
        contents = [json.loads(one).get("serverContent", {}) for one in said.split("\x1e") if one]
        parts = [part["text"] for one in contents for part in one.get("modelTurn", {}).get("parts", ())]
        assert "".join(parts) == f"You wrote: {ENGLISH}"
        assert all(isinstance(one, bytes) for one in double.messages)
        await connection.send(b"no JSON")
        assert "MALFORMED_JSON" in str(await connection.recv())
        await connection.wait_closed()
        assert connection.close_code == 1007
    seen = b"".join(double.messages).decode() + "".join(double.messages[0].decode("unicode_escape"))
    assert not [value for value in PLANTED[:-1] if value in seen]
    assert len({one["principal"] for one in guarded.decisions()[-3:]}) == 1


async def test_a_session_that_goes_on_is_refused(client, double):
    resumed = config("TEXT", session_resumption=types.SessionResumptionConfig(handle="earlier"))
    with pytest.raises((errors.APIError, ConnectionClosed)):
        async with client.aio.live.connect(model=MODEL, config=resumed) as session:
            await turn(session)
    assert double.messages == []
