"""OpenAI's files, batches and fine-tuning jobs: what is uploaded, what is made of it, and what is handed out again.

May import this room only. A file's placeholders are kept under the file; a batch or a job inherits them from the file
that it is made of, and its result files inherit them from the batch. Which object is meant stands in the path, so the
registry binds the codec to it (``for_path``). What the vault does not know is refused (see ``stored``); a list is
restored as far as the vault knows what is on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from addons.wire.collect import JsonRequest, parse_json
from addons.wire.content import UnreadRequest
from addons.wire.delta_events import DeltaEvents
from addons.wire.form_request import FormRequest, field_of, once, read_field, read_name
from addons.wire.jsondoc import OBJECT, Document, Node
from addons.wire.jsonl import BOM, lines
from addons.wire.multipart import Form, Part
from addons.wire.openai_batches import FILE_LINE, parse_purpose
from addons.wire.refusals import openai_error, reply
from addons.wire.restore import restore_document, restore_plain
from addons.wire.rules import FREE, NAME, NAMES, SKIP, TEXT, Rule, Visitor, constant_role, fields, items
from addons.wire.stored import BATCH, FILE, JOB, Named, StoredUse
from addons.wire.types import ErrorReply, ParsedRequest, ReplyFacts, Restoration, StoredObject, WireError
from addons.wire.whole_reply import restore_whole

type Mention = tuple[StoredObject, Sequence[StoredObject]]
"""An object on a list, and the files that it names as its own."""

_ADVICE = "upload the file again through the gateway, with the key that asks for it"
_NOT_FOUND = 404
_METADATA = constant_role("metadata", FREE)
_FILE_NAMES = """id object type created_at expires_at purpose status mime_type size_bytes downloadable"""
FILE_FIELDS: Mapping[str, Rule] = {
    **dict.fromkeys(_FILE_NAMES.split(), NAME),
    **dict.fromkeys(["filename", "status_details"], TEXT),
    "bytes": SKIP,
}
"""Members of a file, OpenAI's or Anthropic's. What a reply holds besides is restored whole."""
_FILE = fields(FILE_FIELDS)
_STATES = """id object created_at expires_at endpoint completion_window status model input_file_id output_file_id
    error_file_id cancelled_at cancelling_at completed_at expired_at failed_at finalizing_at in_progress_at
    fine_tuned_model finished_at trained_tokens training_file validation_file organization_id estimated_finish seed"""
MADE_FIELDS: Mapping[str, Rule] = {
    **dict.fromkeys(_STATES.split(), NAME),
    **dict.fromkeys(["request_counts", "usage", "result_files", "hyperparameters"], NAMES),
    "metadata": _METADATA,
}
"""Members of a batch or a job."""
_MADE = fields(MADE_FIELDS)
CREATE_FIELDS: Mapping[str, Rule] = {
    **dict.fromkeys(["input_file_id", "endpoint", "completion_window", "training_file", "validation_file"], NAME),
    **dict.fromkeys(["model", "seed"], NAME),
    **dict.fromkeys(["output_expires_after", "hyperparameters"], NAMES),
    "metadata": _METADATA,
}
"""Members of a request for either. What is not here (``suffix``, ``method``) is scanned as free-form data."""
_CREATE = fields(CREATE_FIELDS)
_KINDS = {"file": FILE, "batch": BATCH, "message_batch": BATCH, "fine_tuning.job": JOB}
_FROM = ("input_file_id", "training_file", "validation_file")
_OWN = ("output_file_id", "error_file_id")


def _reply_rule(visitor: Visitor, node: Node, path: str, role: str) -> None:
    kind = node.text("object") or node.text("type")
    if kind == "list" or (kind is None and node.get("data") is not None):
        fields({**dict.fromkeys(["object", "first_id", "last_id", "has_more"], NAME), "data": items(_reply_rule)})(
            visitor, node, path, role
        )
    elif kind == "file":
        _FILE(visitor, node, path, role)
    else:
        (_MADE if kind in _KINDS else FREE)(visitor, node, path, role)


def _mention(data: object) -> Mention | None:
    """What one object of a reply is, and which files are its own."""
    if not isinstance(data, dict):
        return None
    word = data.get("object") or data.get("type")
    kind, key = _KINDS.get(word) if isinstance(word, str) else None, data.get("id")
    if kind is None or not isinstance(key, str) or not key:
        return None
    results = data.get("result_files")
    names = [*[data.get(name) for name in _OWN], *(results if isinstance(results, list) else ())]
    return StoredObject(kind, key), [StoredObject(FILE, name) for name in names if isinstance(name, str) and name]


def note_objects(facts: ReplyFacts, plain: dict[str, Any]) -> None:
    """Note what a reply names: a file; a batch or a job, then its result files."""
    if plain.get("error"):
        facts.error_type = "error"
    found = _mention(plain)
    if found is not None:
        facts.objects.update(dict.fromkeys([found[0], *found[1]]))


def _made(plain: dict[str, Any]) -> bool:
    """A job that failed says so in ``error`` and is whole all the same."""
    return plain.get("object") in _KINDS


class FileObjects:
    """``Codec`` of what is stored: JSON in, JSON out. As it is, unbound, it makes or lists something."""

    def __init__(self, name: str, *, lists: bool = False, use: StoredUse | None = None):
        self.name = name
        self._use = use if use is not None else StoredUse(named=() if lists else (_anything(),), lists=lists)
        self._makes = use is None and not lists

    def for_path(self, method: str, found: Mapping[str, str | None]) -> FileObjects:
        """The codec for a method and the id in a path: ``file``, ``batch`` or ``job``."""
        meant = next((StoredObject(kind, key) for kind in (FILE, BATCH, JOB) if (key := found.get(kind))), None)
        if meant is None:
            return self
        return self._bound(use_of(meant, method))

    def _bound(self, use: StoredUse) -> FileObjects:
        return type(self)(self.name, use=use)

    def parse_request(self, body: bytes) -> ParsedRequest:
        """See ``Codec.parse_request``."""
        request = parse_json(body, _CREATE)
        request.stored = self._made_of(request) if self._makes else self._use
        return request

    def _made_of(self, request: JsonRequest) -> StoredUse:
        root = request.sources[0].document.root
        named = [_anything()]
        for name in _FROM:
            key = root.get(name)
            if key is not None and key.value is not None:
                named.append(Named(StoredObject(FILE, key.string or ""), f"$.{name}", _ADVICE))
        return StoredUse(named=named, creates=True)

    def parse_empty(self) -> UnreadRequest:
        """The same for a request without a body."""
        request = UnreadRequest(b"")
        request.stored = self._use
        return request

    def mentions(self, body: bytes) -> list[Mention]:
        """What a list names. Never raises: what is no list names nothing."""
        try:
            plain = Document.of_bytes(body, duplicates=True).root.plain()
        except WireError:
            return []
        data = plain.get("data") if isinstance(plain, dict) else None
        return [found for one in (data if isinstance(data, list) else ()) if (found := _mention(one)) is not None]

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        return restore_whole(body, _reply_rule, restoration, note_objects, whole_in_spite=_made)

    def open_stream(self, restoration: Restoration) -> DeltaEvents:
        """See ``Codec.open_stream``."""
        return DeltaEvents(restoration, ReplyFacts(), FREE)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, openai_error(status, code, message))


class FileUpload(FileObjects):
    """``Codec`` of an upload: a form with the file and its purpose."""

    def parse_form(self, form: Form) -> FormRequest:
        """See ``ReadsForms.parse_form``."""
        once(form, "purpose", "file")
        purpose = field_of(form, "purpose")

        def read(part: Part) -> ParsedRequest:
            if part.is_file or part.name == "file":
                media = part.media if part.readable else "application/x-other-charset"
                return parse_purpose(purpose, part.content, media)
            return read_name(part) if part.name == "purpose" or "[" in part.name else read_field(part)

        return FormRequest(form, read, StoredUse(named=(_anything(),), creates=True))


class FileContent(FileObjects):
    """``Codec`` of a file's content. It is restored whole, whatever type it is said to be."""

    reads_any_type = True
    whole_replies = True
    """A range of a file with placeholders in it cannot be restored, nor is it the range that was asked for."""

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. Lines of JSON are restored each by itself; what is no text passes."""
        return restore_file(body, restoration), ReplyFacts(complete=True)


class UploadParts(FileObjects):
    """``Codec`` of uploads in parts, which it refuses: a part ends anywhere, in the middle of a line or of a name."""

    def parse_request(self, body: bytes) -> ParsedRequest:
        """Raises WireError ``upload_parts_refused``."""
        raise _no_parts()

    def parse_form(self, form: Form) -> ParsedRequest:
        """Raises WireError ``upload_parts_refused``."""
        raise _no_parts()

    def parse_empty(self) -> UnreadRequest:
        """Raises WireError ``upload_parts_refused``."""
        raise _no_parts()


def _no_parts() -> WireError:
    message = "A file that comes in parts cannot be inspected: upload it whole, with POST /files"
    return WireError("upload_parts_refused", "path", message)


def use_of(meant: StoredObject, method: str) -> StoredUse:
    """What a request to a stored object's own path has to do with it."""
    deletes = method.upper() == "DELETE"
    return StoredUse(
        named=(Named(meant, "path", _ADVICE, _NOT_FOUND, needed=not deletes),),
        part_of=None if deletes or meant.kind == FILE else meant,
        deletes=meant if deletes else None,
    )


def restore_file(body: bytes, restoration: Restoration, rule: Rule = FILE_LINE) -> bytes:
    """A file with originals put back: lines of JSON by ``rule``, other JSON and text as such."""
    if not _is_lines(body):
        try:
            document = Document.of_bytes(body.removeprefix(BOM), duplicates=True)
        except WireError:
            return restore_plain(body, restoration)
        new = restore_document(document, FREE, restoration)
        mark = BOM if body.startswith(BOM) else b""
        return body if new is None else mark + new.encode("utf-8", "surrogatepass")
    out: list[bytes] = []
    done = 0
    for start, end, document_or_text in _all_lines(body):
        if isinstance(document_or_text, Document):
            new = restore_document(document_or_text, rule, restoration)
            line = None if new is None else new.encode("utf-8", "surrogatepass")
        else:
            line = restore_plain(document_or_text, restoration)
        if line is not None:
            out += (body[done:start], line)
            done = end
    return b"".join(out) + body[done:]


def _is_lines(body: bytes) -> bool:
    """True if the first line is a JSON object."""
    first = next(lines(body), None)
    try:
        return first is not None and Document.of_bytes(first.data, duplicates=True).root.kind == OBJECT
    except WireError:
        return False


def _all_lines(body: bytes) -> Iterator[tuple[int, int, Document | bytes]]:
    for line in lines(body):
        try:
            yield line.start, line.end, Document.of_bytes(line.data, duplicates=True)
        except WireError:
            yield line.start, line.end, line.data


def _anything() -> Named:
    """Leans on nothing, and on there being a vault: what is uploaded masked can be read back later only."""
    return Named(None, "path", "turn the vault on (vault.enabled)")
