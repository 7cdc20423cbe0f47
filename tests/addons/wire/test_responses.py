"""OpenAI's Responses: every text path of requests and replies, and what refers to stored state."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.session import MaskingSession
from addons.wire.openai_responses import OpenAIResponses
from addons.wire.stored import NOTHING_STORED, compaction_of
from detectors.spans import Span
from tests.addons.wire import positions
from tests.addons.wire.doubles import Restoration
from tests.addons.wire.positions_responses import responses_reply, responses_request, responses_stream
from tests.addons.wire.responses_client import (
    CODEC,
    NAME,
    PLACEHOLDER,
    REAL,
    SESSION,
    VALUE,
    cited,
    response_of,
    run,
)
from tests.addons.wire.test_odd_shapes import mutated

# -- requests ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_marker_is_a_segment_and_is_replaced(ascii_only: bool) -> None:
    body, count = responses_request()
    raw = json.dumps(body, ensure_ascii=ascii_only, indent=1).encode()
    request = CODEC.parse_request(raw)
    found = [marker for s in request.segments for marker in positions.MARKER.findall(s.text)]
    assert sorted(found, key=lambda m: int(m[1:-1])) == [f"⟦{i}⟧" for i in range(count)]
    assert count > 100
    assert request.encode({}) == raw
    texts = {i: positions.MARKER.sub("[X]", s.text) for i, s in enumerate(request.segments)}
    assert json.loads(request.encode(texts)) == json.loads(
        positions.MARKER.sub("[X]", json.dumps(body, ensure_ascii=False))
    )
    assert [s.path for s in request.segments if positions.KEEP in s.text] == []
    assert not [s.path for s in request.segments if positions.MARKER.search(s.path)]
    assert len({s.path for s in request.segments}) == len(request.segments)


def test_roles() -> None:
    request = CODEC.parse_request(json.dumps(responses_request()[0]).encode())
    roles = {s.path: s.role for s in request.segments}
    assert roles["$.instructions"] == roles["$.input[0].content"] == "system"
    assert roles["$.input[1].content[0].text"] == "user"
    assert roles["$.input[2].content[0].text"] == roles["$.input[4].arguments.$.email"] == "assistant"
    assert roles["$.input[5].output.$.found"] == roles["$.input[6].output[0].text"] == "tool"
    assert roles["$.tools[0].description"] == "schema"
    assert roles["$.metadata.customer"] == roles["$.user"] == "metadata"


def test_what_cannot_be_read_is_named() -> None:
    request = CODEC.parse_request(json.dumps(responses_request()[0]).encode())
    assert [(u.path, u.kind.value) for u in request.unreadable] == [
        ("$.input[1].content[2]", "image"),
        ("$.input[1].content[2].image_url", "image"),
        ("$.input[1].content[3]", "image"),
        ("$.input[1].content[3].image_url", "image"),
        ("$.input[1].content[4].file_data", "file"),
        ("$.input[1].content[5].file_url", "remote"),
        ("$.input[1].content[6].file_id", "file"),
        ("$.input[1].content[7]", "audio"),
        ("$.input[6].output[1]", "image"),
        ("$.input[6].output[1].image_url", "image"),
        ("$.input[18].output", "image"),
        ("$.input[18].output.image_url", "image"),
        ("$.input[19].result", "image"),
        ("$.input[20].outputs[1].url", "image"),
    ]


def test_files_of_a_container_are_named() -> None:
    container = {"type": "auto", "file_ids": ["file-1"]}
    tools = [
        {"type": "code_interpreter", "container": container},
        {"type": "image_generation", "input_image_mask": {"image_url": "data:image/png;base64,AA=="}},
    ]
    request = CODEC.parse_request(json.dumps({"input": "x", "tools": tools}).encode())
    assert [u.kind.value for u in request.unreadable] == ["file", "image", "image"]


def test_a_string_is_an_input() -> None:
    request = CODEC.parse_request(json.dumps({"model": "m", "input": "to Maria", "stream": True}).encode())
    assert [(s.path, s.role, s.text) for s in request.segments] == [("$.input", "user", "to Maria")]
    assert (request.model, request.stream) == ("m", True)


def test_text_in_a_data_url_is_read_and_written_back() -> None:
    part = {"type": "input_file", "file_data": "data:text/plain;base64,TWFyaWE=", "filename": "a.txt"}
    body = {"input": [{"role": "user", "content": [part]}]}
    request = CODEC.parse_request(json.dumps(body).encode())
    (index,) = [i for i, s in enumerate(request.segments) if s.text == "Maria"]
    assert request.unreadable == ()
    sent = json.loads(request.encode({index: "王"}))
    assert sent["input"][0]["content"][0]["file_data"] == "data:text/plain;base64,546L"


def test_adjoining_texts_are_joined() -> None:
    content = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
    request = CODEC.parse_request(json.dumps({"input": [{"role": "user", "content": content}]}).encode())
    assert [[request.segments[i].text for i in group] for group in request.joins] == [["a", "b"]]


@pytest.mark.parametrize("body", [{"input": 5}, {"input": {"role": "user", "content": "Maria"}}, ["Maria"], "Maria"])
def test_odd_shapes_are_read_as_free_data(body: Any) -> None:
    texts = [s.text for s in CODEC.parse_request(json.dumps(body).encode()).segments]
    assert ("Maria" in texts) is ("Maria" in json.dumps(body))


def test_probabilities_in_the_history_go_when_anything_is_replaced() -> None:
    logprobs = [{"token": "Maria", "logprob": -0.1, "bytes": [77, 97], "top_logprobs": []}]
    part = {"type": "output_text", "text": "Maria", "annotations": [], "logprobs": logprobs}
    body = {"input": [{"role": "assistant", "type": "message", "content": [part]}, {"role": "user", "content": "x"}]}
    raw = json.dumps(body).encode()
    request = CODEC.parse_request(raw)
    assert request.encode({}) == raw
    (index,) = [i for i, s in enumerate(request.segments) if s.path.endswith("content[0].text")]
    sent = json.loads(request.encode({index: "PERSON_X"}))
    assert sent["input"][0]["content"][0] == part | {"text": "PERSON_X", "logprobs": []}
    assert "Maria" in [s.text for s in request.segments if s.path.endswith("token")]


def test_an_earlier_turns_placeholder_means_nothing_to_a_later_flow() -> None:
    """Why stored state is refused: the next request's flow does not know what the stored text's placeholders mean."""
    later = MaskingSession(PlaceholderKey(bytes(32), 1), Scope("tenant"))
    other = later.mask("Bo", [Span(0, 2, "PERSON", 0.9, "test")])
    raw = json.dumps(response_of(cited(f"{REAL} and {other}"))).encode()
    restored = json.loads(CODEC.restore_reply(raw, later.restoration())[0])
    assert restored["output"][0]["content"][0]["text"] == f"{REAL} and Bo"


# -- stored state ------------------------------------------------------------------------------------------------------

LEANING: list[Any] = [
    ({"previous_response_id": "resp_1"}, "$.previous_response_id", ("response", "resp_1")),
    ({"previous_response_id": 7}, "$.previous_response_id", ("response", "")),
    ({"conversation": "conv_1"}, "$.conversation", ("conversation", "conv_1")),
    ({"conversation": {"id": "conv_1"}}, "$.conversation", ("conversation", "conv_1")),
    ({"conversation": {"x": 1}}, "$.conversation", ("conversation", "")),
    ({"background": True}, "$.background", None),
    ({"context_management": [{"type": "compaction"}]}, "$.context_management", None),
    (
        {"input": [{"role": "user", "content": "x"}, {"type": "item_reference", "id": "msg_1"}]},
        "$.input[1]",
        ("item", "msg_1"),
    ),
    ({"input": [{"id": "msg_1"}]}, "$.input[0]", ("item", "msg_1")),
    ({"input": [{"type": "item_reference"}]}, "$.input[0]", ("item", "")),
    ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, "$.input[0]", compaction_of("x")),
    ({"input": [{"type": "compaction_trigger"}]}, "$.input[0]", None),
]


@pytest.mark.parametrize(("more", "where", "meant"), LEANING)
def test_a_request_says_on_what_stored_state_it_leans(more: Any, where: str, meant: Any) -> None:
    raw = json.dumps({"model": "m", "input": "x"} | more).encode()
    request = CODEC.parse_request(raw)
    (named,) = request.stored.named
    assert (named.where, named.object, named.needed) == (where, meant, True)
    assert request.stored.adds_to == (meant if where == "$.conversation" else None)
    assert request.encode({}) == raw
    counting = OpenAIResponses("openai.responses.input_tokens", only_counts=True)
    assert counting.parse_request(raw).stored is NOTHING_STORED


@pytest.mark.parametrize(
    "more",
    [
        {"previous_response_id": None, "conversation": None, "background": False, "context_management": []},
        {"store": True},
        {"background": True, "stream": True},
        {"prompt": {"id": "pmpt_1"}},
    ],
)
def test_a_stateless_request_does_not(more: Any) -> None:
    raw = json.dumps({"model": "m", "input": "x"} | more).encode()
    request = CODEC.parse_request(raw)
    assert list(request.stored.named) == []
    assert request.encode({}) == raw


@pytest.mark.parametrize(("store", "creates"), [({}, True), ({"store": True}, True), ({"store": False}, False)])
def test_the_provider_keeps_a_response_unless_told_not_to(store: Any, creates: bool) -> None:
    assert CODEC.parse_request(json.dumps({"input": "x", **store}).encode()).stored.creates is creates


def test_a_reply_and_its_stream_name_what_is_stored() -> None:
    reply = responses_reply(PLACEHOLDER)
    reply["output"].append({"type": "compaction", "id": "cmp_1", "encrypted_content": "opaque"})
    _, facts = CODEC.restore_reply(json.dumps(reply).encode(), Restoration())
    named = list(facts.objects)
    assert named[0] == ("response", reply["id"])
    assert set(named[1:]) == {("item", one["id"]) for one in reply["output"] if "id" in one} | {compaction_of("opaque")}
    stream = CODEC.open_stream(Restoration())
    stream.feed(b'data: {"type": "response.created", "response": {"object": "response", "id": "resp_9"}}\n\n')
    assert list(stream.facts.objects) == [("response", "resp_9")]
    stream.feed(b'data: {"type": "response.output_item.added", "item": {"type": "message", "id": "msg_9"}}\n\n')
    assert list(stream.facts.objects)[1:] == [("item", "msg_9")]


# -- replies -----------------------------------------------------------------------------------------------------------


def test_replies_are_restored_in_every_place() -> None:
    raw = json.dumps(responses_reply(PLACEHOLDER), indent=2).encode()
    restored, facts = CODEC.restore_reply(raw, Restoration())
    assert json.loads(restored) == responses_reply(VALUE)
    assert (facts.model, facts.input_tokens, facts.output_tokens, facts.complete) == ("gpt-5.1", 5, 7, True)
    assert facts.finish_reasons == ["completed"]
    untouched = json.dumps(responses_reply("nothing here"), indent=3).encode()
    assert CODEC.restore_reply(untouched, Restoration())[0] == untouched


def test_failed_and_incomplete_responses_are_whole_replies() -> None:
    failed = {"object": "response", "status": "failed", "error": {"code": "server_error", "message": PLACEHOLDER}}
    restored, facts = CODEC.restore_reply(json.dumps(failed).encode(), Restoration())
    assert json.loads(restored)["error"]["message"] == VALUE
    assert (facts.error_type, facts.complete, facts.finish_reasons) == ("server_error", True, ["failed"])
    cut = {"object": "response", "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    facts = CODEC.restore_reply(json.dumps(cut).encode(), Restoration())[1]
    assert (facts.complete, facts.finish_reasons) == (True, ["max_output_tokens"])
    error = {"error": {"type": "invalid_request_error", "message": f"bad: {PLACEHOLDER}"}}
    restored, facts = CODEC.restore_reply(json.dumps(error).encode(), Restoration())
    assert json.loads(restored)["error"]["message"] == f"bad: {VALUE}"
    assert not facts.complete
    assert CODEC.restore_reply(f"<p>{PLACEHOLDER}".encode(), Restoration())[0] == f"<p>{VALUE}".encode()


@pytest.mark.parametrize("restoration", [Restoration(), SESSION.restoration()])
def test_annotations_point_where_they_pointed(restoration: Any) -> None:
    token, value = (PLACEHOLDER, VALUE) if isinstance(restoration, Restoration) else (REAL, NAME)
    text = "Dear {0}, see [site] and [other], {0}'s own."
    words = ("Dear", "[site]", "[other]", "own")
    before = cited(text.format(token), *words, token)
    after = cited(text.format(value), *words, value)
    restored = json.loads(CODEC.restore_reply(json.dumps(response_of(before)).encode(), restoration)[0])
    assert restored["output"][0]["content"] == [after]
    for annotation in restored["output"][0]["content"][0]["annotations"][:5]:
        assert text.format(value)[annotation["start_index"] : annotation["end_index"]] in (*words, value)


def test_an_offset_inside_a_placeholder_becomes_its_nearest_end() -> None:
    part = cited(f"Dear {PLACEHOLDER}, hello")
    part["annotations"] = [
        {"type": "url_citation", "url": "u", "title": "t", "start_index": 9, "end_index": 12},
        {"type": "file_path", "file_id": "f", "index": 1000},
    ]
    restored = json.loads(CODEC.restore_reply(json.dumps(response_of(part)).encode(), Restoration())[0])
    first, second = restored["output"][0]["content"][0]["annotations"]
    assert (first["start_index"], first["end_index"]) == (5, 5 + len(VALUE))
    assert second["index"] == 1000 + len(VALUE) - len(PLACEHOLDER)


def test_probabilities_spell_what_was_restored() -> None:
    parts = [cited(f"to {PLACEHOLDER}"), cited("to nobody")]
    restored = json.loads(CODEC.restore_reply(json.dumps(response_of(*parts)).encode(), Restoration())[0])
    told = [part["logprobs"] for part in restored["output"][0]["content"]]
    assert [[one["token"] for one in entries] for entries in told] == [[f"to {VALUE}"], ["to nobody"]]


def test_odd_shapes() -> None:
    """What is not of the API's shape: nothing crosses unscanned, nothing raises, cuts do not show."""
    rng = random.Random(7)
    body, reply = responses_request()[0], responses_reply(f"Dear {PLACEHOLDER}")
    for _ in range(60):
        raw = json.dumps({key: mutated(value, rng) for key, value in body.items()}).encode()
        request = CODEC.parse_request(raw)
        assert request.encode({}) == raw
        sent = request.encode({i: positions.MARKER.sub("[X]", s.text) for i, s in enumerate(request.segments)})
        assert not positions.MARKER.search(json.dumps(json.loads(sent), ensure_ascii=False))
        restored, _ = CODEC.restore_reply(json.dumps(mutated(reply, rng)).encode(), Restoration())
        assert PLACEHOLDER.encode() not in restored
    for _ in range(8):
        blocks = []
        for block in responses_stream(f"{PLACEHOLDER} x", 9).decode().split("\n\n"):
            head, mark, data = block.partition("data: ")
            blocks.append(head + mark + (json.dumps(mutated(json.loads(data), rng)) if data else data))
        raw = "\n\n".join(blocks).encode()
        assert run([raw[i : i + 97] for i in range(0, len(raw), 97)])[0] == run([raw])[0]
