"""One reading of body and head: what the detector is shown, and its answers brought back to the segments."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from addons.reading import Reading, read_request
from addons.settings_sections import Limits
from addons.wire.metadata import read_metadata
from addons.wire.openai_chat import OpenAIChat
from addons.wire.types import Segment, Unreadable
from detectors.spans import Span
from tests.addons.pipeline_doubles import EMAIL, spans_in

CODEC = OpenAIChat()


@dataclass
class Body:
    """A parsed request of these segments and joins."""

    segments: Sequence[Segment]
    joins: Sequence[Sequence[int]] = ()
    unreadable: Sequence[Unreadable] = ()
    model: str | None = None
    stream: bool = False
    written: dict[int, str] = field(default_factory=dict)

    def encode(self, texts: Mapping[int, str], *, model: str | None = None) -> bytes:
        self.written.update(texts)
        return b"body"


def reading(texts: Sequence[str], joins: Sequence[Sequence[int]] = (), contexts: Sequence[str] = ()) -> Reading:
    labels = [*contexts, *[""] * len(texts)]
    segments = [Segment(f"$[{i}]", "user", text, context=labels[i]) for i, text in enumerate(texts)]
    return Reading(Body(segments, joins), read_metadata([], "/v1/chat/completions", free_path=False))


def test_a_leaf_gets_its_label_back_and_its_span_its_place() -> None:
    read = reading(["hunter2 " + EMAIL, "x"], contexts=["password", "content"])
    assert read.texts == ["password: hunter2 " + EMAIL, "x"]
    (found, nothing) = read.spread([spans_in(text) for text in read.texts])
    assert [(read.segments[0].text[s.start : s.end], s.entity) for s in found] == [(EMAIL, "EMAIL_ADDRESS")]
    assert nothing == []


def test_what_is_found_in_a_label_alone_is_dropped_and_what_crosses_it_is_clipped() -> None:
    read = reading(["secret"], contexts=["password"])
    spans = [Span(0, 8, "A", 1.0, "r"), Span(5, 13, "B", 1.0, "r")]
    assert read.spread([spans]) == [[Span(0, 3, "B", 1.0, "r")]]


def test_a_long_text_needs_no_label() -> None:
    long = "y" * 600
    assert reading([long], contexts=["password"]).texts == [long]


def test_a_value_split_over_two_parts_is_found_in_both() -> None:
    read = reading(["to maria.gonz", "alez@example.com now"], joins=[[0, 1]])
    first, second = read.spread([spans_in(text) for text in read.texts])
    assert read.segments[0].text[first[0].start : first[0].end] == "maria.gonz"
    assert read.segments[1].text[second[0].start : second[0].end] == "alez@example.com"


TEXTS = st.lists(st.text("ab 0@", max_size=12), min_size=1, max_size=5)


@given(texts=TEXTS, data=st.data())
def test_spread_loses_nothing_and_overlaps_nowhere(texts: list[str], data: st.DataObject) -> None:
    labels = [data.draw(st.sampled_from(["", "password", "email", "content"])) for _ in texts]
    joins = [list(range(len(texts)))] if len(texts) > 1 and data.draw(st.booleans()) else []
    read = reading(texts, joins, labels)
    found = []
    for text in read.texts:
        ends = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(sorted)
        found.append(
            [Span(a, b, data.draw(st.sampled_from("AB")), 0.5, "r") for a, b in data.draw(st.lists(ends, max_size=4))]
        )
    spread = read.spread(found)
    assert len(spread) == len(read.segments)
    for segment, spans in zip(read.segments, spread, strict=True):
        assert all(0 <= span.start < span.end <= len(segment.text) for span in spans)
        assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    wanted: list[set[int]] = [set() for _ in texts]
    for shown, spans in zip(read._shown, found, strict=True):
        for span in spans:
            for segment_index, start in shown.pieces:
                length = len(texts[segment_index])
                wanted[segment_index] |= {i - start for i in range(span.start, span.end) if 0 <= i - start < length}
    covered = [{i for span in spans for i in range(span.start, span.end)} for spans in spread]
    assert covered == wanted


def test_body_and_head_are_one_list_and_are_written_back_each_to_its_place() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": EMAIL}]}).encode()
    headers = [("content-type", "application/json"), ("x-user", EMAIL), ("authorization", f"Bearer {EMAIL}")]
    target = "/v1/chat/completions?who=a%40example.com"
    read = read_request(CODEC, target, headers, body, Limits())
    found = {i: "MASKED" for i, segment in enumerate(read.segments) if "@" in segment.text}
    assert len(found) == 3, "the credential is no segment"
    sent, path, new_headers = read.encode(found, model="other")
    assert json.loads(sent) == {"model": "other", "messages": [{"role": "user", "content": "MASKED"}]}
    assert path == "/v1/chat/completions?who=MASKED"
    assert dict(new_headers)["x-user"] == "MASKED"
    assert dict(new_headers)["authorization"] == f"Bearer {EMAIL}"
    assert read.encode({}) == (body, target, headers)


def test_turns_follow_the_conversation_and_a_new_message_renumbers_none() -> None:
    def turns(messages: int) -> list[int | None]:
        body = {
            "user": "maria x",
            "messages": [
                {
                    "role": "user",
                    "name": "maria x",
                    "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                }
                for _ in range(messages)
            ],
            "tools": [{"type": "function", "function": {"name": "f", "description": "d"}}],
        }
        head = [("content-type", "application/json"), ("x-user", "maria")]
        read = read_request(CODEC, "/v1/chat/completions", head, json.dumps(body).encode(), Limits())
        found = dict(zip((segment.path for segment in read.segments), read.turns, strict=True))
        assert found["$.user"] is None and found["header:x-user"] is None
        assert found["$.tools[0].function.description"] == 0
        return [turn for path, turn in found.items() if path.startswith("$.messages")]

    assert turns(1) == [1, 1, 1]
    assert turns(2) == [1, 1, 1, 2, 2, 2]
