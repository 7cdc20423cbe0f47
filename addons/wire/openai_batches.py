"""The lines of OpenAI's files: requests of a batch, their results, examples to train on.

May import this room only. A batch's line holds a request of another endpoint, which that endpoint's own codec takes
apart; a result's line holds its reply. Reference: https://platform.openai.com/docs/guides/batch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from addons.wire.collect import JsonRequest, parse_json
from addons.wire.file_content import parse_file
from addons.wire.generic import Generic
from addons.wire.jsondoc import OBJECT, Document, Node
from addons.wire.jsonl import moved, moved_part, parse_lines
from addons.wire.openai_chat import METADATA, OpenAIChat
from addons.wire.openai_chat import REPLY as CHAT_REPLY
from addons.wire.openai_chat import REQUEST_FIELDS as CHAT_FIELDS
from addons.wire.openai_responses import RESPONSE as RESPONSE_REPLY
from addons.wire.openai_responses import OpenAIResponses
from addons.wire.openai_text import (
    COMPLETION_REPLY,
    COMPLETIONS,
    EMBEDDING_REPLY,
    EMBEDDINGS,
    IMAGE_REPLY,
    IMAGES,
    MODERATION_REPLY,
    MODERATIONS,
)
from addons.wire.rules import FREE, NAME, SKIP, TEXT, Rule, Visitor, fields
from addons.wire.stored import CODE, NOTHING_STORED, StoredUse
from addons.wire.types import Codec, ParsedRequest, Segment, Unreadable, WireError

ENDPOINTS: Mapping[str, Codec] = {
    "chat/completions": OpenAIChat(),
    "responses": OpenAIResponses(),
    "completions": COMPLETIONS,
    "embeddings": EMBEDDINGS,
    "moderations": MODERATIONS,
    "images/generations": IMAGES,
    "images/edits": IMAGES,
}
"""What follows a line's ``/v1/`` -> who reads its body. Any other is read as free-form JSON."""
_OTHER = Generic()
_PREFIX = re.compile(r"/?(?:openai/)?(?:deployments/[^/]+/)?(?:v1/)?")
_NUMBERED = re.compile(
    r"(?:[a-z]{1,12}[-_.]?)?\d{1,6}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII
)


def CUSTOM_ID(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """What the caller calls a line: passed over if it is a numbered word or a UUID, text of the caller's otherwise."""
    if node.string is None or not _NUMBERED.fullmatch(node.string):
        METADATA(visitor, node, path, role)


_LINE = fields({"custom_id": CUSTOM_ID, "method": NAME, "url": NAME, "body": SKIP})


def parse_batch(content: bytes) -> ParsedRequest:
    """A batch's input file. Raises WireError, which names the line."""
    return parse_lines(content, BatchLine)


class BatchLine:
    """``{custom_id, method, url, body}``, taken apart. A ``ParsedRequest``."""

    def __init__(self, data: bytes):
        """Raises WireError; what leans on stored state is refused."""
        root = Document.of_bytes(data)
        body = root.root.get("body")
        if root.root.kind != OBJECT or body is None or body.kind != OBJECT:
            raise WireError("malformed_line", "$.body", "A batch's line is an object with a request in `body`")
        self._data = data
        self._frame: JsonRequest = parse_json(data, _LINE)
        inner = root.text[body.start : body.end].encode("utf-8")
        try:
            self._inner = codec_of(root.root.text("url")).parse_request(inner)
        except WireError as e:
            raise WireError(e.code, f"$.body, {e.where}", e.message, e.status) from None
        self.made_of = (self._frame, self._inner)
        """What it holds on to."""
        use: StoredUse = getattr(self._inner, "stored", NOTHING_STORED)
        if any(named.needed for named in use.named):
            where = next(named.where for named in use.named if named.needed).removeprefix("$")
            raise WireError(CODE, f"$.body{where}", "A batch cannot lean on stored state: send the whole conversation")
        self._own = len(self._frame.segments)
        self.segments: Sequence[Segment] = [
            *self._frame.segments,
            *(moved(one, "$.body") for one in self._inner.segments),
        ]
        self.unreadable: Sequence[Unreadable] = [
            *self._frame.unreadable,
            *(moved_part(one, "$.body") for one in self._inner.unreadable),
        ]
        self.joins: Sequence[Sequence[int]] = [[self._own + i for i in group] for group in self._inner.joins]
        self.model = self._inner.model
        self.stream = False
        self.stored = NOTHING_STORED

    def encode(self, texts: Mapping[int, str], *, model: str | None = None) -> bytes:
        """See ``ParsedRequest.encode``."""
        inner = {i - self._own: text for i, text in texts.items() if i >= self._own}
        out = self._frame.encode({i: text for i, text in texts.items() if i < self._own})
        if not inner and model is None:
            return out
        document = Document.of_bytes(out)
        body = document.root.get("body")
        if body is None:
            raise WireError("malformed_line", "$.body", "A batch's line has lost its body")
        new = self._inner.encode(inner, model=model).decode("utf-8")
        return document.splice([(body.start, body.end, new)]).encode("utf-8")


def codec_of(url: str | None) -> Codec:
    """Who reads the body of a line with this ``url``."""
    path = (url or "").partition("?")[0].rstrip("/")
    prefix = _PREFIX.match(path)
    return ENDPOINTS.get(path[prefix.end() :] if prefix is not None else path, _OTHER)


_CONVERSATION: dict[str, Rule] = {
    name: CHAT_FIELDS[name] for name in ("messages", "tools", "functions", "parallel_tool_calls")
}
_EXAMPLE = fields(
    {
        **_CONVERSATION,
        "input": fields(_CONVERSATION),
        "preferred_output": CHAT_FIELDS["messages"],
        "non_preferred_output": CHAT_FIELDS["messages"],
        "prompt": TEXT,
        "completion": TEXT,
    }
)


def parse_examples(content: bytes) -> ParsedRequest:
    """A file to fine-tune on: conversations, preferences or prompts with completions. Raises WireError, which names the
    line."""
    return parse_lines(content, _example)


def _example(data: bytes) -> JsonRequest:
    request = parse_json(data, _EXAMPLE)
    if request.sources[0].document.root.kind != OBJECT:
        raise WireError("malformed_line", "$", "A line to train on is an object")
    return request


_BY_OBJECT: Mapping[str, Rule] = {
    "chat.completion": CHAT_REPLY,
    "response": RESPONSE_REPLY,
    "text_completion": COMPLETION_REPLY,
    "list": EMBEDDING_REPLY,
}


def _result_body(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A reply, by what it says that it is."""
    rule = _BY_OBJECT.get(node.text("object") or "")
    if rule is None and node.get("results") is not None:
        rule = MODERATION_REPLY
    elif rule is None and node.get("created") is not None and node.get("data") is not None:
        rule = IMAGE_REPLY
    (rule or FREE)(visitor, node, path, role)


_RESPONSE = fields({"status_code": NAME, "request_id": NAME, "body": _result_body})
RESULT_LINE = fields({"id": NAME, "custom_id": METADATA, "response": _RESPONSE, "error": FREE})


def FILE_LINE(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A line of a file that is handed out: a batch's result, or whatever somebody uploaded."""
    (RESULT_LINE if node.get("custom_id") is not None and node.get("url") is None else FREE)(visitor, node, path, role)


BY_PURPOSE = {"batch": parse_batch, "fine-tune": parse_examples}


def parse_purpose(purpose: str | None, content: bytes, media: str) -> ParsedRequest:
    """A file that is uploaded for this purpose. Raises WireError."""
    read = BY_PURPOSE.get(purpose or "")
    return read(content) if read is not None else parse_file(content, media)
