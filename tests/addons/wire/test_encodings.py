"""Content encodings undone: whole and in pieces, stacked, broken, and as bombs."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard

from addons.wire.encodings import Inflater, decode
from addons.wire.types import WireError

RAW = bytes(range(256)) * 20 + b"abc" * 50_000


def bare_deflate(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


ENCODED = [
    pytest.param("gzip", gzip.compress(RAW), id="gzip"),
    pytest.param("gzip", gzip.compress(RAW[:100]) + gzip.compress(RAW[100:]), id="gzip, two members"),
    pytest.param("deflate", zlib.compress(RAW), id="deflate"),
    pytest.param("deflate", bare_deflate(RAW), id="bare deflate"),
    pytest.param("br", brotli.compress(RAW), id="br"),
    pytest.param("zstd", zstandard.compress(RAW), id="zstd"),
    pytest.param("zstd", zstandard.compress(RAW[:100]) + zstandard.compress(RAW[100:]), id="zstd, two frames"),
    pytest.param("GZIP , br", brotli.compress(gzip.compress(RAW)), id="stacked"),
]


@pytest.mark.parametrize(("name", "body"), [*ENCODED, pytest.param("identity", RAW, id="identity")])
def test_decodes_whole_and_in_pieces_up_to_the_cap(name: str, body: bytes) -> None:
    assert decode(body, name, len(RAW)) == RAW
    for size in (1, 7, 1000):
        inflater = Inflater(name, len(RAW))
        pieces = [inflater.feed(body[i : i + size]) for i in range(0, len(body), size)]
        assert b"".join(pieces) + inflater.close() == RAW
    with pytest.raises(WireError) as caught:
        decode(body, name, len(RAW) - 1)
    assert (caught.value.code, caught.value.status) == ("too_large", 413)


@pytest.mark.parametrize(("name", "body"), ENCODED)
def test_refuses_what_is_cut_short_or_goes_on(name: str, body: bytes) -> None:
    for broken in (body[:-1], body[: len(body) // 3], body + b"x", b"\x01" + body):
        with pytest.raises(WireError) as caught:
            decode(broken, name, 10**6)
        assert caught.value.code == "malformed_encoding"


def test_refuses_what_it_does_not_know() -> None:
    for name in ("compress", "gzip, rot13", "gzip, gzip, gzip, gzip"):
        with pytest.raises(WireError) as caught:
            decode(b"", name, 10)
        assert (caught.value.code, caught.value.status) == ("unsupported_encoding", 415)


def test_empty_bodies() -> None:
    for name in ("gzip", "deflate", "br", "zstd", "", None):
        assert decode(b"", name, 10) == b""


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("gzip", gzip.compress(bytes(50_000_000), 1)),
        ("br", brotli.compress(bytes(50_000_000), quality=1)),
        ("zstd", zstandard.compress(bytes(50_000_000))),
    ],
)
def test_bombs_stop_at_the_cap(name: str, body: bytes) -> None:
    with pytest.raises(WireError) as caught:
        decode(body, name, 100_000)
    assert caught.value.code == "too_large"
