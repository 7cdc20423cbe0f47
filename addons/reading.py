"""A request taken apart, body and metadata together, as one list of segments. Sans-IO; no mitmproxy.

The codec knows the body; ``wire.metadata`` knows headers, query string and path. Here they become one reading, so that
the pipeline sees segments and nothing else. Also decides what the detector is shown: a leaf that has lost its label
gets it back (``password: hunter2`` for ``{"password": "hunter2"}``), and adjoining parts are shown joined as well.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from addons.settings_sections import Limits
from addons.wire.content import read_body
from addons.wire.encodings import decode
from addons.wire.metadata import Headers, Metadata, read_metadata
from addons.wire.stored import NOTHING_STORED, Named, StoredUse
from addons.wire.types import Codec, ParsedRequest, Segment, StoredObject, Unreadable, WireError
from detectors.spans import Span

LABELLED_CHARS = 512
"""Longer texts speak for themselves."""
PORTION_TEXTS, PORTION_CHARS = 256, 131_072
"""What the detector gets at once of a request that may hold very much text: each portion has its own time limit."""
_MESSAGE = re.compile(r"\$\.([A-Za-z_]+)\[(\d+)\]")
"""The path of what lies in a list of the body: ``$.messages[3].content``."""
_PROSE_KEYS = frozenset({"content", "text", "data", "description", "title", "input", "arguments", "prompt", "system"})


@dataclass(frozen=True, slots=True)
class _Shown:
    """One text that the detector sees, and which pieces of which segments it is made of."""

    text: str
    pieces: Sequence[tuple[int, int]]
    """Segment index and where its text begins in ``text``."""


class Reading:
    """All segments of a request, what of it cannot be read, and the way back to bytes."""

    def __init__(self, request: ParsedRequest, head: Metadata) -> None:
        self._request = request
        self._head = head
        self.segments: Sequence[Segment] = [*request.segments, *head.segments]
        self.unreadable: Sequence[Unreadable] = request.unreadable
        self.model = request.model
        self.stream = request.stream
        self.stored: StoredUse = _with_files(getattr(request, "stored", NOTHING_STORED), request.unreadable)
        """What the request has to do with what the provider stores."""
        self.leans_on_files = False
        """It names files that the vault knows."""
        self._shown = [_show(i, segment) for i, segment in enumerate(self.segments)]
        self._shown += [_join(group, self.segments) for group in request.joins if len(group) > 1]

    def know(self, recalled: Container[StoredObject | None]) -> None:
        """A file that the vault knows for the caller was inspected when it was uploaded: it is no longer unreadable."""
        left = [part for part in self.unreadable if part.stored not in recalled]
        self.leans_on_files = len(left) < len(self.unreadable)
        self.unreadable = left

    @property
    def turns(self) -> list[int | None]:
        """For each segment the number of its turn: 0 for what stands before every conversation (system text, tools),
        then one for each message in the order of the body; None for headers, query and metadata, beside it.

        A message that a client adds later changes no earlier number.
        """
        turns: list[int | None] = []
        last, turn = None, 0
        for segment in self.segments:
            message = _MESSAGE.match(segment.path)
            if message is None or segment.role == "schema" or message[1] == "system":
                turns.append(None if segment.role == "metadata" else 0)
                continue
            turn += message.groups() != last
            last = message.groups()
            turns.append(turn)
        return turns

    @property
    def texts(self) -> list[str]:
        """What the detector is to read, in order."""
        return [shown.text for shown in self._shown]

    @property
    def portions(self) -> list[list[str]]:
        """The same, in as many portions as the detector is to be asked for: one, but for files."""
        if not getattr(self._request, "in_portions", False):
            return [self.texts]
        out: list[list[str]] = [[]]
        room = PORTION_CHARS
        for text in self.texts:
            if out[-1] and (len(out[-1]) >= PORTION_TEXTS or len(text) > room):
                out.append([])
                room = PORTION_CHARS
            out[-1].append(text)
            room -= len(text)
        return out

    def spread(self, found: Sequence[Sequence[Span]]) -> list[list[Span]]:
        """The detector's answers to ``texts``, as spans of the segments: clipped to each, none overlapping."""
        spans: list[list[Span]] = [[] for _ in self.segments]
        for shown, answers in zip(self._shown, found, strict=True):
            for span in answers:
                for segment, start in shown.pieces:
                    begin = max(span.start - start, 0)
                    end = min(span.end - start, len(self.segments[segment].text))
                    if begin < end:
                        spans[segment].append(Span(begin, end, span.entity, span.score, span.recognizer))
        return [_apart(found_here) for found_here in spans]

    def encode(self, texts: Mapping[int, str], *, model: str | None = None) -> tuple[bytes, str, Headers]:
        """Body (identity-encoded), request target and headers with segment i's text replaced by ``texts[i]``."""
        of_body = len(self._request.segments)
        body = self._request.encode({i: text for i, text in texts.items() if i < of_body}, model=model)
        target, headers = self._head.encode({i - of_body: text for i, text in texts.items() if i >= of_body})
        return body, target, headers


def read_request(codec: Codec, target: str, headers: Headers, body: bytes, limits: Limits) -> Reading:
    """Take a request apart. ``body`` as on the wire. Raises WireError where it is not what it claims to be."""
    given = {name.lower(): value for name, value in headers}
    if "range" in given and getattr(codec, "whole_replies", False):
        raise WireError("range_refused", "range", "A file is restored as a whole: ask for it without a range")
    types = {value for name, value in headers if name.lower() == "content-type"}
    if len(types) > 1:
        raise WireError("malformed_headers", "content-type", "A request has one content type")
    plain = decode(body, given.get("content-encoding"), limits.body_bytes) if body else body
    return Reading(read_body(codec, given.get("content-type"), plain), read_metadata(headers, target))


def _with_files(use: StoredUse, unreadable: Sequence[Unreadable]) -> StoredUse:
    files = {part.stored: part.path for part in unreadable if part.stored is not None}
    if not files:
        return use
    named = [Named(one, path, "upload it through the gateway", needed=False) for one, path in files.items()]
    return replace(use, named=[*use.named, *named])


def _show(index: int, segment: Segment) -> _Shown:
    label = segment.context
    if not label or label in _PROSE_KEYS or len(segment.text) > LABELLED_CHARS:
        return _Shown(segment.text, [(index, 0)])
    prefix = f"{label}: "
    return _Shown(prefix + segment.text, [(index, len(prefix))])


def _join(group: Sequence[int], segments: Sequence[Segment]) -> _Shown:
    text, pieces = "", []
    for index in group:
        pieces.append((index, len(text)))
        text += segments[index].text
    return _Shown(text, pieces)


def _apart(spans: list[Span]) -> list[Span]:
    """Sorted and without overlaps: of two that overlap, the one that begins earlier (or is longer) keeps its whole
    length, the other keeps what sticks out, so that nothing found is lost."""
    out: list[Span] = []
    covered = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end, -span.score)):
        begin = max(span.start, covered)
        if begin < span.end:
            out.append(Span(begin, span.end, span.entity, span.score, span.recognizer))
            covered = span.end
    return out
