"""A local server's Anthropic stream begins as the SDKs need it, however it is cut."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from addons.reroute.mending import MessageStartMender

START = b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1"}}\n\n'
REST = 'event: content_block_start\ndata: {"type":"content_block_start"}\n\nevent: x\ndata: {"t":"秋"}\n\n'.encode()


def mended(data, cuts=()):
    mender = MessageStartMender("42", "open-model")
    edges = [0, *sorted(cuts), len(data)]
    pieces = [data[begin:end] for begin, end in itertools.pairwise(edges)]
    return b"".join(mender.feed(piece) for piece in pieces) + mender.close()


def test_a_stream_that_has_the_event_is_left_alone():
    assert mended(START + REST) == START + REST


def test_a_stream_that_lacks_it_gets_it_first():
    out = mended(REST)
    assert out.startswith(b"event: message_start\n")
    assert out.endswith(REST)
    assert b"msg_42" in out and b"open-model" in out


def test_a_stream_without_one_whole_event_is_passed_on():
    assert mended(b"event: err") == b"event: err"
    assert mended(b"") == b""


@given(st.sampled_from([START + REST, REST, REST.replace(b"\n", b"\r\n")]), st.lists(st.integers(0, 60), max_size=5))
def test_the_cuts_do_not_matter(data, cuts):
    assert mended(data, cuts) == mended(data)
