"""OpenAI's other endpoints that take forms: transcriptions, translations, edits and variations of images.

May import this room only. What is text in the form is read; the sound or the image is not, and the policy decides.
"""

from __future__ import annotations

from collections.abc import Collection

from addons.wire.content import UnreadRequest
from addons.wire.form_request import FormRequest, read_blob, read_field, read_name
from addons.wire.multipart import Form, Part
from addons.wire.openai_text import IMAGE_FIELDS, IMAGE_REPLY, TRANSCRIPTION_REPLY, OpenAIText
from addons.wire.rules import FREE, Rule, fields
from addons.wire.stored import NOTHING_STORED
from addons.wire.types import ParsedRequest, UnreadableKind

SPEECH_NAMES = frozenset(
    """model language response_format temperature stream include timestamp_granularities chunking_strategy""".split()  # noqa: SIM905
)
IMAGE_NAMES = frozenset(
    """model background input_fidelity moderation n output_compression output_format partial_images quality
    response_format size stream style""".split()  # noqa: SIM905
)


class OpenAIForm(OpenAIText):
    """``Codec`` of an endpoint that takes a form, or the same as JSON."""

    def __init__(self, name: str, request: Rule, reply: Rule, files: UnreadableKind, names: Collection[str]):
        """``files``: what its files are; ``names``: fields with identifiers and numbers of the API's own."""
        super().__init__(name, request, reply)
        self._files = files
        self._names = names

    def parse_form(self, form: Form) -> FormRequest:
        """See ``ReadsForms.parse_form``."""
        return FormRequest(form, self._read, NOTHING_STORED)

    def _read(self, part: Part) -> ParsedRequest:
        if part.is_file:
            return read_blob(part, self._files)
        if part.name.partition("[")[0] in self._names:
            return read_name(part)
        role = "user" if part.name == "prompt" else "metadata"
        return read_field(part, role) if part.content else UnreadRequest(b"")


TRANSCRIPTIONS = OpenAIForm("openai.transcriptions", FREE, TRANSCRIPTION_REPLY, UnreadableKind.AUDIO, SPEECH_NAMES)
IMAGE_EDITS = OpenAIForm("openai.images", fields(IMAGE_FIELDS), IMAGE_REPLY, UnreadableKind.IMAGE, IMAGE_NAMES)
