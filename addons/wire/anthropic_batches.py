"""Anthropic's Message Batches: requests in one JSON body, results as JSON Lines.

May import this room only. Reference: https://docs.anthropic.com/en/api/creating-message-batches. What placeholders
stand for is kept under the batch's id; all else is as with OpenAI's stored objects (``openai_files.py``).

A batch says at which URL its results are, and SDKs ask there, whatever base URL they were given. To a client that has
the gateway as its base URL that would be a way around the gateway, so it is told the path alone, which SDKs (and RFC
3986, section 5.2) take relative to where they asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from addons.wire.anthropic_files import SpeaksAnthropic
from addons.wire.anthropic_messages import REPLY, REQUEST_FIELDS
from addons.wire.anthropic_stream import note_files
from addons.wire.collect import Collector, JsonRequest
from addons.wire.jsondoc import Document, Node, literal
from addons.wire.jsonl import lines
from addons.wire.openai_batches import CUSTOM_ID
from addons.wire.openai_files import FileContent, FileObjects, note_objects, restore_file
from addons.wire.restore import Restorer
from addons.wire.rules import FREE, NAME, NAMES, TEXT, Rule, Visitor, fields, items
from addons.wire.stored import Named, StoredUse
from addons.wire.types import ParsedRequest, ReplyFacts, Restoration, WireError
from addons.wire.whole_reply import restore_whole

REQUEST: Mapping[str, Rule] = {"custom_id": CUSTOM_ID, "params": fields(REQUEST_FIELDS)}
"""Members of one request of a batch."""
_REQUESTS = fields({"requests": items(fields(REQUEST)), "betas": NAME, "user_profile_id": TEXT})
RESULT: Mapping[str, Rule] = {"type": NAME, "message": REPLY, "error": FREE}
"""Members of one request's result."""
LINE: Mapping[str, Rule] = {"custom_id": CUSTOM_ID, "result": fields(RESULT)}
"""Members of a line of results."""
_LINE = fields(LINE)
_RESULTS_URL = re.compile(r"https?://[^/?#]+(/(?:[\w.-]+/)*v1/messages/batches/[\w.-]+/results)")


def _path_alone(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A batch's URL of results, without the host; any other URL stays."""
    found = _RESULTS_URL.fullmatch(node.string or "")
    if found is not None and isinstance(visitor, Restorer):
        visitor.put(node, literal(found[1]))
    else:
        TEXT(visitor, node, path, role)


def _batch(results_url: Rule) -> dict[str, Rule]:
    names = """id type processing_status created_at expires_at ended_at archived_at cancel_initiated_at"""
    return {**dict.fromkeys(names.split(), NAME), "request_counts": NAMES, "results_url": results_url}


BATCH_FIELDS: Mapping[str, Rule] = _batch(TEXT)
"""Members of a batch."""


def _reply_rule(results_url: Rule) -> Rule:
    batch = fields(_batch(results_url))
    page = fields({**dict.fromkeys(["first_id", "last_id", "has_more"], NAME), "data": items(batch)})

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        rule = page if node.get("data") is not None else batch if node.text("type") == "message_batch" else FREE
        rule(visitor, node, path, role)

    return walk


_AS_IT_IS, _BY_PATH = _reply_rule(TEXT), _reply_rule(_path_alone)


class _ManyRequests(JsonRequest):
    """Up to 100,000 requests in one body."""

    __slots__ = ()

    in_portions = True


class MessageBatches(SpeaksAnthropic, FileObjects):
    """``Codec`` of batches: made, listed, asked for, canceled, deleted."""

    rewrites = False
    """A reply says the URL of its results by its path: it is rewritten also where nothing was masked."""

    def for_base_url(self) -> MessageBatches:
        """The codec for a client that has the gateway as its base URL."""
        codec = self._bound(self._use)
        codec._makes = self._makes
        codec.rewrites = True
        return codec

    def _bound(self, use: StoredUse) -> MessageBatches:
        return type(self)(self.name, use=use)

    def parse_request(self, body: bytes) -> ParsedRequest:
        """See ``Codec.parse_request``."""
        root = Document.of_bytes(body)
        collector = Collector(root)
        _REQUESTS(collector, root.root, "$", "user")
        request = _ManyRequests(body, root, collector)
        vault = Named(None, "path", "turn the vault on (vault.enabled)")
        request.stored = StoredUse(named=(vault,), creates=True) if self._makes else self._use
        return request

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``. What is no JSON is restored as text."""
        return restore_whole(body, _BY_PATH if self.rewrites else _AS_IT_IS, restoration, note_objects)


class MessageBatchResults(SpeaksAnthropic, FileContent):
    """``Codec`` of a batch's results: lines with replies of the Messages endpoint."""

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``."""
        facts = ReplyFacts(complete=True)
        for line in lines(body) if b'"file_id"' in body else ():
            _note_line(facts, line.data)
        return restore_file(body, restoration, _LINE), facts


def _note_line(facts: ReplyFacts, data: bytes) -> None:
    """Note the files that tools of the provider's have made. What is no line of results names none."""
    try:
        plain = Document.of_bytes(data, duplicates=True).root.plain()
    except WireError:
        return
    result = plain.get("result") if isinstance(plain, dict) else None
    message = result.get("message") if isinstance(result, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    for block in content if isinstance(content, list) else ():
        note_files(facts, block)
