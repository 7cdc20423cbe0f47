"""Tokens of legacy completions: columns that spell the restored text and count in it, however the stream was cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import Completion

from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.wire.openai_text import COMPLETIONS
from detectors.spans import Span
from tests.addons.wire.positions import sse
from tests.addons.wire.test_logprobs import tokens

NAME = "王秀英 Jansen"


def session() -> tuple[MaskingSession, str, str]:
    """A session whose prompt is masked; the prompt as it was sent, and the placeholder."""
    made = MaskingSession(PlaceholderKey(bytes(32), 1), Scope("tenant"))
    prompt = made.mask(f"About {NAME}:", [Span(6, 6 + len(NAME), "PERSON", 0.9, "test")])
    return made, prompt, prompt[6:-1]


SESSION, PROMPT, REAL = session()
OWN = f"About {NAME}:"
TEXT = f" Dear {REAL}, 王 PERSON_ see {REAL}"
WANTED = TEXT.replace(REAL, NAME)


def columns(spelled: list[str], offset: int) -> dict[str, Any]:
    offsets = []
    for token in spelled:
        offsets.append(offset)
        offset += len(token)
    tops = [{token: -0.5, "other": -2.0} for token in spelled]
    return {"tokens": spelled, "token_logprobs": [-0.5] * len(spelled), "top_logprobs": tops, "text_offset": offsets}


def whole(text: str, logprobs: Any) -> tuple[dict[str, Any], Any]:
    choice = {"index": 0, "text": text, "logprobs": logprobs, "finish_reason": "stop"}
    raw = json.dumps({"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}).encode()
    body, facts = COMPLETIONS.restore_reply(raw, SESSION.restoration())
    assert Completion.construct(**json.loads(body)).choices[0].text == text.replace(REAL, NAME)  # as the SDK reads it
    told: dict[str, Any] = json.loads(body)["choices"][0]["logprobs"]
    return told, facts


def holds(told: dict[str, Any], text: str, offset: int) -> None:
    assert "".join(told["tokens"]) == text
    assert len({len(column) for column in told.values()}) == 1
    for token, at in zip(told["tokens"], told["text_offset"], strict=True):
        assert text[at - offset :].startswith(token)


@pytest.mark.parametrize("sizes", [[1], [3], [4, 2, 7], [200]])
def test_columns_of_a_whole_completion_spell_the_restored_text(sizes: list[int]) -> None:
    spelled = tokens(TEXT, sizes)
    told, facts = whole(TEXT, columns(spelled, len(PROMPT)))
    holds(told, WANTED, len(OWN))
    assert sum(told["token_logprobs"]) == pytest.approx(-0.5 * len(spelled))
    assert facts.dropped == 0


def test_offsets_move_with_the_prompt_although_the_text_stays() -> None:
    told, facts = whole("Hello.", columns(["Hello", "."], len(PROMPT)))
    assert told["text_offset"] == [len(OWN), len(OWN) + 5]
    assert facts.dropped == 0
    same = columns(["Hello", "."], 0)
    assert whole("Hello.", same)[0] == same


def test_what_cannot_follow_is_dropped_and_counted() -> None:
    told, facts = whole("Hello.", columns(["Hello", "."], 999))
    assert (told["tokens"], told["text_offset"], facts.dropped) == (["Hello", "."], None, 1)
    told, facts = whole(TEXT, columns(["x"], 0))
    assert (told, facts.dropped) == (None, 1)
    told, facts = whole(TEXT, columns([TEXT], 0) | {"token_logprobs": [-1.0, -2.0]})
    assert (told, facts.dropped) == (None, 1)


def test_an_echoed_prompt_and_tokens_that_share_a_character() -> None:
    halves = ["bytes:\\xe7\\x8e", "bytes:\\x8b"]
    spelled = ["王", *halves, REAL, "."]
    told, facts = whole(f"王王{REAL}.", columns(spelled, 0) | {"token_logprobs": [None, -1.0, -1.0, -2.0, -0.5]})
    assert told["tokens"] == ["王", *halves, NAME, "."]
    assert told["token_logprobs"] == [None, -1.0, -1.0, -2.0, -0.5]
    assert told["text_offset"] == [0, 1, 1, 2, 2 + len(NAME)]
    assert told["top_logprobs"][3] == {}
    assert facts.dropped == 0


def stream_of(pieces: list[list[str]], *, end: bool = True, member: bool = True) -> bytes:
    head = {"id": "c", "object": "text_completion", "created": 1, "model": "m"}
    offset, events = len(PROMPT), []
    for piece in pieces:
        choice = {"index": 0, "text": "".join(piece), "logprobs": columns(piece, offset), "finish_reason": None}
        events.append(("", head | {"choices": [choice]}))
        offset += len("".join(piece))
    last: dict[str, Any] = {"index": 0, "text": "", "finish_reason": "stop"} | ({"logprobs": None} if member else {})
    return sse([*events, *([("", head | {"choices": [last]}), ("", "[DONE]")] if end else [])])


def restored(raw: bytes, cuts: list[int] | None = None) -> tuple[bytes, Any]:
    stream = COMPLETIONS.open_stream(SESSION.restoration())
    chunks = [raw[a:b] for a, b in zip([0, *(cuts or [])], [*(cuts or []), len(raw)], strict=True)]
    return b"".join([stream.feed(chunk) for chunk in chunks]) + stream.close(), stream.facts


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_streamed_columns_keep_in_step_with_their_text(data: st.DataObject) -> None:
    spelled = tokens(TEXT, data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5)))
    size = data.draw(st.integers(1, 4))
    raw = stream_of([spelled[i : i + size] for i in range(0, len(spelled), size)], end=data.draw(st.booleans()))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    out, facts = restored(raw, cuts)
    assert out == restored(raw)[0]
    said, at = "", len(OWN)
    for line in out.decode().split("\n"):
        if line.startswith("data: {"):
            (choice,) = Completion.construct(**json.loads(line[6:])).choices  # as the SDK reads a chunk
            if choice.logprobs is None:
                assert choice.text == ""
                continue
            holds(choice.logprobs.to_dict(), choice.text, at)
            said, at = said + choice.text, at + len(choice.text)
    assert (said, facts.dropped) == (WANTED, 0)


def test_tokens_without_a_place_are_counted() -> None:
    out, facts = restored(stream_of([["Dear", " "], [REAL]], member=False))
    assert json.loads(out.split(b"data: ")[3])["choices"][0]["text"] == NAME
    assert facts.dropped == 1
