"""Content encodings undone under a cap: gzip, deflate, br, zstd, and stacks of them (RFC 9110, section 8.4).

May import ``addons.wire.types`` and the two codecs' libraries. The cap is checked while inflating, so a bomb costs no
more memory than the cap and one step.
"""

from __future__ import annotations

import zlib
from typing import Protocol

import brotli  # type: ignore[import-untyped]
import zstandard

from addons.wire.types import WireError

MAX_STACKED = 3
"""Encodings of one body."""
_STEP = 64 * 1024
_ZSTD_WINDOW = 8 * 1024 * 1024  # RFC 9659: the window that every HTTP recipient supports


class _Decoder(Protocol):
    def feed(self, data: bytes, room: int) -> bytes:
        """Inflated bytes. Raises _Full if there would be more than ``room``."""

    def close(self) -> None:
        """The input is over. Raises ValueError if that is too early."""


class _FullError(Exception):
    """More output than there is room for."""


class _Zlib:
    """gzip (members of any number, RFC 1952) and deflate (zlib, or bare as some servers send it)."""

    def __init__(self, wbits: int | None):
        self._wbits = wbits  # None: deflate, told apart by its first bytes
        self._inflate: zlib._Decompress | None = None
        self._head = b""
        self._members = 0

    def feed(self, data: bytes, room: int) -> bytes:
        out = bytearray()
        if self._wbits is None:
            self._head += data
            if len(self._head) < 2:
                return b""
            data = self._head
            is_zlib = data[0] & 15 == 8 and (data[0] * 256 + data[1]) % 31 == 0
            self._wbits = zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS
        while data:
            if self._inflate is None or (self._inflate.eof and self._wbits == 31):
                self._inflate = zlib.decompressobj(self._wbits)
                self._members += 1
            elif self._inflate.eof:
                raise ValueError("bytes after the end")
            out += self._inflate.decompress(data, room - len(out) + 1)
            if len(out) > room:
                raise _FullError
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
        return bytes(out)

    def close(self) -> None:
        if (self._inflate is None and self._head) or (self._inflate is not None and not self._inflate.eof):
            raise ValueError("cut short")


class _Brotli:
    def __init__(self) -> None:
        self._inflate = brotli.Decompressor()
        self._any = False

    def feed(self, data: bytes, room: int) -> bytes:
        self._any = self._any or bool(data)
        if data and self._inflate.is_finished():
            raise ValueError("bytes after the end")
        out = bytearray()
        while data or not self._inflate.is_finished():
            more = self._inflate.process(data, output_buffer_limit=_STEP)
            out += more
            if len(out) > room:
                raise _FullError
            if not more:
                break
            data = b""
        return bytes(out)

    def close(self) -> None:
        if self._any and not self._inflate.is_finished():
            raise ValueError("cut short")


class _Zstd:
    """Zstandard frames (RFC 8878), one after the other."""

    def __init__(self) -> None:
        self._inflate = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame: zstandard.ZstdDecompressionObj | None = None

    def feed(self, data: bytes, room: int) -> bytes:
        out = bytearray()
        at = 0
        while at < len(data):
            # A block of four bytes can stand for 128 KiB; little input at a time bounds the output of each call.
            piece = data[at : at + 64]
            at += len(piece)
            while piece:
                if self._frame is None:
                    self._frame = self._inflate.decompressobj()
                out += self._frame.decompress(piece)
                if len(out) > room:
                    raise _FullError
                if not self._frame.eof:
                    break
                piece = self._frame.unused_data
                self._frame = None
        return bytes(out)

    def close(self) -> None:
        if self._frame is not None:
            raise ValueError("cut short")


class Inflater:
    """Undoes the encodings of a body that comes in pieces."""

    def __init__(self, content_encoding: str | None, cap: int):
        """``cap``: bytes of output over the whole body, for each layer. Raises WireError 415 on an unknown encoding."""
        names = [name.strip().lower() for name in (content_encoding or "").split(",")]
        names = [name for name in names if name not in ("", "identity")]
        if len(names) > MAX_STACKED:
            raise WireError("unsupported_encoding", "content-encoding", "Too many stacked content encodings", 415)
        self._layers: list[_Decoder] = [_decoder(name) for name in reversed(names)]
        self._left = [cap] * len(self._layers)
        self._cap = self._plain_left = cap

    def feed(self, data: bytes) -> bytes:
        """Decoded bytes. Raises WireError ``too_large`` (413) or ``malformed_encoding``."""
        for i, layer in enumerate(self._layers):
            try:
                data = layer.feed(data, self._left[i])
            except _FullError:
                raise _too_large(self._cap) from None
            except (zlib.error, brotli.error, zstandard.ZstdError, ValueError):
                raise WireError("malformed_encoding", "content-encoding", "The encoded body is broken") from None
            self._left[i] -= len(data)
        if not self._layers:
            self._plain_left -= len(data)
            if self._plain_left < 0:
                raise _too_large(self._cap)
        return data

    def close(self) -> bytes:
        """Ends the body. Raises WireError ``malformed_encoding`` if it was cut short."""
        try:
            for layer in self._layers:
                layer.close()
        except ValueError:
            raise WireError("malformed_encoding", "content-encoding", "The encoded body is cut short") from None
        return b""


def decode(body: bytes, content_encoding: str | None, cap: int) -> bytes:
    """The body without its content encodings. Raises WireError: ``too_large`` 413, ``unsupported_encoding`` 415."""
    inflater = Inflater(content_encoding, cap)
    plain = inflater.feed(body)
    return plain + inflater.close()


def _decoder(name: str) -> _Decoder:
    if name in ("gzip", "x-gzip"):
        return _Zlib(31)
    if name == "deflate":
        return _Zlib(None)
    if name == "br":
        return _Brotli()
    if name == "zstd":
        return _Zstd()
    raise WireError(
        "unsupported_encoding", "content-encoding", "Use gzip, deflate, br, zstd or no content encoding", 415
    )


def _too_large(cap: int) -> WireError:
    return WireError("too_large", "body", f"The decoded body is larger than {cap} bytes", 413)
