"""Anthropic's Files (beta): a form with one file, what is listed, and what is handed out again.

May import this room only. Reference: https://docs.anthropic.com/en/api/files-create. A file has no purpose: text is
read as text, JSON by its strings. All else is as with OpenAI's files (``openai_files.py``), but for how it refuses.
"""

from __future__ import annotations

from addons.wire.openai_files import FileContent, FileObjects, FileUpload
from addons.wire.refusals import anthropic_error, reply
from addons.wire.types import ErrorReply


class SpeaksAnthropic:
    """Refuses in Anthropic's shape."""

    def refusal(self, status: int, code: str, message: str) -> ErrorReply:
        """See ``Codec.refusal``."""
        return reply(status, code, anthropic_error(status, code, message))


class AnthropicFiles(SpeaksAnthropic, FileObjects):
    """``Codec`` of files: listed, asked for, deleted."""


class AnthropicUpload(SpeaksAnthropic, FileUpload):
    """``Codec`` of an upload."""


class AnthropicContent(SpeaksAnthropic, FileContent):
    """``Codec`` of a file's content."""
