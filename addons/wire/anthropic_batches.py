"""Anthropic's Message Batches: requests in one JSON body, results as JSON Lines.

May import this room only. Reference: https://docs.anthropic.com/en/api/creating-message-batches. What placeholders
stand for is kept under the batch's id; all else is as with OpenAI's stored objects (``openai_files.py``).
"""

from __future__ import annotations

from addons.wire.anthropic_messages import REPLY, REQUEST_FIELDS
from addons.wire.collect import Collector, JsonRequest
from addons.wire.jsondoc import Document
from addons.wire.openai_batches import CUSTOM_ID
from addons.wire.openai_files import FileContent, FileObjects, restore_file
from addons.wire.refusals import anthropic_error, reply
from addons.wire.rules import FREE, NAME, fields, items
from addons.wire.stored import Named, StoredUse
from addons.wire.types import ErrorReply, ParsedRequest, ReplyFacts, Restoration

_REQUESTS = fields(
    {"requests": items(fields({"custom_id": CUSTOM_ID, "params": fields(REQUEST_FIELDS)})), "betas": NAME}
)
_RESULT_LINE = fields({"custom_id": CUSTOM_ID, "result": fields({"type": NAME, "message": REPLY, "error": FREE})})


class _ManyRequests(JsonRequest):
    """Up to 100,000 requests in one body."""

    __slots__ = ()

    in_portions = True


class MessageBatches(FileObjects):
    """``Codec`` of batches: made, listed, asked for, canceled, deleted."""

    def parse_request(self, body: bytes) -> ParsedRequest:
        """See ``Codec.parse_request``."""
        root = Document.of_bytes(body)
        collector = Collector(root)
        _REQUESTS(collector, root.root, "$", "user")
        request = _ManyRequests(body, root, collector)
        vault = Named(None, "path", "turn the vault on (vault.enabled)")
        request.stored = StoredUse(named=(vault,), creates=True) if self._makes else self._use
        return request

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, anthropic_error(status, code, message))


class MessageBatchResults(FileContent):
    """``Codec`` of a batch's results: lines with replies of the Messages endpoint."""

    def restore_reply(self, body: bytes, restoration: Restoration) -> tuple[bytes, ReplyFacts]:
        """See ``Codec.restore_reply``."""
        return restore_file(body, restoration, _RESULT_LINE), ReplyFacts(complete=True)

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, anthropic_error(status, code, message))
