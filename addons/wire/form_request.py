"""A form as a request: its fields, its files and its files' names as segments.

May import this room only. What a field or file holds is said by the codec, with a function from the part to a
``ParsedRequest``; this puts them together and writes what changes back into the form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from addons.wire.content import UnreadRequest
from addons.wire.file_content import TextBody
from addons.wire.jsonl import moved, moved_part
from addons.wire.multipart import Edit, Form, Part
from addons.wire.rules import is_plain, is_plain_key
from addons.wire.stored import StoredUse
from addons.wire.types import ParsedRequest, Segment, Unreadable, UnreadableKind, WireError

type ReadPart = Callable[[Part], ParsedRequest]


class FormRequest:
    """A form, taken apart. A ``ParsedRequest``; paths begin with the part's name: ``file[3].body.input``."""

    in_portions = True
    """It may hold very much text: the detector gets it in portions."""

    def __init__(self, form: Form, read: ReadPart, stored: StoredUse):
        """Raises what ``read`` raises."""
        self.form = form
        self.stored = stored
        self._contents = [read(part) for part in form.parts]
        self._first: list[int] = []
        segments: list[Segment] = []
        unreadable: list[Unreadable] = []
        joins: list[Sequence[int]] = []
        for index, (part, content) in enumerate(zip(form.parts, self._contents, strict=True)):
            below = part.name if is_plain_key(part.name) else f"~{index}"
            self._first.append(len(segments))
            segments += [Segment(f"{below}.filename", "metadata", one.text, context="file") for one in part.filenames]
            first = len(segments)
            segments += [moved(segment, below) for segment in content.segments]
            unreadable += [moved_part(one, below) for one in content.unreadable]
            joins += [[first + i for i in group] for group in content.joins]
        self.segments: Sequence[Segment] = segments
        self.unreadable: Sequence[Unreadable] = unreadable
        self.joins: Sequence[Sequence[int]] = joins
        self.model = field_of(form, "model") or next((c.model for c in self._contents if c.model is not None), None)
        self.stream = field_of(form, "stream") == "true"

    def encode(self, texts: Mapping[int, str], *, model: str | None = None) -> bytes:
        """See ``ParsedRequest.encode``. Another model cannot be named: raises WireError ``not_an_object``."""
        if model is not None and model != self.model:
            raise WireError("not_an_object", "body", "A model can only be named in a JSON object")
        edits: dict[int, Edit] = {}
        for index, (part, content) in enumerate(zip(self.form.parts, self._contents, strict=True)):
            first = self._first[index]
            names = {i: texts[first + i] for i in range(len(part.filenames)) if first + i in texts}
            first += len(part.filenames)
            own = {i: texts[first + i] for i in range(len(content.segments)) if first + i in texts}
            if names or own:
                edits[index] = Edit(content.encode(own) if own else None, names)
        return self.form.encode(edits) if edits else self.form.body


def field_of(form: Form, name: str) -> str | None:
    """The text of a field that a form has once; None where it has none, or a file, or no text in it."""
    found = [part for part in form.parts if part.name == name]
    if len(found) != 1 or found[0].is_file:
        return None
    try:
        return found[0].content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def once(form: Form, *names: str) -> None:
    """Each of these fields at most once: of two, nobody knows which one counts. Raises WireError."""
    given = [part.name for part in form.parts]
    for name in names:
        if given.count(name) > 1:
            raise WireError("malformed_form", name, "The form has this field twice")


def read_field(part: Part, role: str = "metadata") -> ParsedRequest:
    """A field of text."""
    try:
        return TextBody(part.content, role, context=part.name if is_plain_key(part.name) else "")
    except UnicodeDecodeError:
        return UnreadRequest(part.content, (Unreadable("$", UnreadableKind.BINARY),))


def read_name(part: Part) -> ParsedRequest:
    """A field of the API's own: an identifier, an enum value, a number. Text if it does not look like one."""
    if part.content.isascii() and is_plain(part.content.decode("ascii")):
        return UnreadRequest(part.content)
    return read_field(part)


def read_blob(part: Part, kind: UnreadableKind) -> ParsedRequest:
    """A file that nobody here can read."""
    return UnreadRequest(part.content, (Unreadable("$", kind),))
