"""Google Gemini and Vertex AI: where the text is in contents, tools, configurations and replies.

May import this room only. Reference: the types of the ``google-genai`` package and the REST reference of
``generativelanguage.googleapis.com``; ``tests/addons/wire/test_gemini_types.py`` pins the tables to them. Servers read
protobuf JSON: each member may be spelled ``inlineData`` or ``inline_data``, so every table here knows both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from addons.wire.jsondoc import ARRAY, Node
from addons.wire.restore import argument, tool_call
from addons.wire.rules import (
    FREE,
    NAME,
    NAMES,
    OPAQUE,
    SCHEMA,
    SKIP,
    TEXT,
    Rule,
    Visitor,
    constant_role,
    fields,
    items,
    unknown_block,
)
from addons.wire.types import UnreadableKind

ROLES = {"user": "user", "model": "assistant", "function": "tool", "system": "system"}
"""Content role -> segment role."""
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def both(table: Mapping[str, Rule]) -> dict[str, Rule]:
    """The table with each member in both spellings of protobuf JSON."""
    return dict(table) | {snake(name): rule for name, rule in table.items()}


def snake(name: str) -> str:
    """``inlineData`` -> ``inline_data``."""
    return _CAPITAL.sub(lambda match: "_" + match[1].lower(), name)


def member(node: Node, name: str) -> Node | None:
    """The member of that camel-case name, in either spelling."""
    found = node.get(name)
    return found if found is not None else node.get(snake(name))


def _is_text(media_type: str) -> bool:
    media = media_type.partition(";")[0].strip().lower()
    return media.startswith("text/") or media in ("application/json", "application/xml", "application/yaml")


_KINDS = {"image": UnreadableKind.IMAGE, "audio": UnreadableKind.AUDIO}
_MEDIA_TYPE = re.compile(r"[a-z]{1,12}/[\w.+-]{1,48}(?:; ?[a-z]{1,12}=\d{1,6}){0,3}")
"""A media type of sound has parameters: ``audio/pcm;rate=16000``."""


def _media_type(visitor: Visitor, node: Node, path: str, role: str) -> None:
    (SKIP if _MEDIA_TYPE.fullmatch(node.string or "") else NAME)(visitor, node, path, role)


_BLOB = both({"mimeType": _media_type, "displayName": constant_role("metadata", TEXT), "data": OPAQUE})
_BLOB_FIELDS = fields(_BLOB)


def INLINE_DATA(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Bytes in base64: read if they are text, else a part that nobody here can read."""
    media = member(node, "mimeType")
    media_type = (media.string if media is not None else None) or ""
    data = node.get("data")
    if data is None or data.string is None or not _is_text(media_type):
        visitor.unreadable(path, _KINDS.get(media_type.partition("/")[0].lower(), UnreadableKind.FILE))
        _BLOB_FIELDS(visitor, node, path, role)
        return
    fields({**_BLOB, "data": lambda v, n, p, r: v.base64_text(n, p, r, 0)})(visitor, node, path, role)


_FILE_FIELDS = fields(both({"fileUri": TEXT, "mimeType": NAME, "displayName": constant_role("metadata", TEXT)}))


def FILE_DATA(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """A link to a file that the provider fetches: the link is text, what it leads to is not read."""
    visitor.unreadable(path, UnreadableKind.REMOTE)
    _FILE_FIELDS(visitor, node, path, role)


PARTIAL_ARG_FIELDS: dict[str, Rule] = both(
    {
        "jsonPath": NAME,
        "stringValue": TEXT,
        "numberValue": FREE,
        "boolValue": NAME,
        "nullValue": NAME,
        "willContinue": NAME,
    }
)
"""A piece of a function call's arguments, which Vertex streams if asked to."""
FUNCTION_CALL_FIELDS: dict[str, Rule] = both(
    {
        "id": NAME,
        "name": NAME,
        "args": argument(FREE),
        "partialArgs": items(argument(fields(PARTIAL_ARG_FIELDS))),
        "willContinue": NAME,
    }
)
_MEDIA: dict[str, Rule] = {
    "inlineData": INLINE_DATA,
    "fileData": FILE_DATA,
    "videoMetadata": NAMES,
    "mediaResolution": NAMES,
    "mediaProcessing": NAMES,
    "documentMetadata": NAMES,
    "spreadsheetMetadata": NAMES,
    "audioMetadata": NAMES,
}
FUNCTION_RESPONSE_PART_FIELDS: dict[str, Rule] = both(_MEDIA)
FUNCTION_RESPONSE_FIELDS: dict[str, Rule] = both(
    {
        "id": NAME,
        "name": NAME,
        "response": FREE,
        "parts": items(fields(FUNCTION_RESPONSE_PART_FIELDS, unknown_block)),
        "willContinue": NAME,
        "scheduling": NAME,
    }
)
_WORD = fields(both({"word": TEXT, "startOffset": NAME, "endOffset": NAME}))
TRANSCRIPTION_FIELDS: dict[str, Rule] = both(
    {
        "text": TEXT,
        "finished": NAME,
        "languageCode": NAME,
        "speakerLabel": TEXT,
        "words": items(_WORD),
        "startOffset": NAME,
        "endOffset": NAME,
    }
)
_CODE = tool_call(fields({"code": argument(TEXT), "language": NAME, "id": NAME}), hosted=True, name="code_execution")
_OUTPUT = constant_role("tool", fields({"outcome": NAME, "output": TEXT, "id": NAME}))
PART_FIELDS: dict[str, Rule] = both(
    {
        **_MEDIA,
        "text": TEXT,
        "thought": NAME,
        "thoughtSignature": OPAQUE,
        "functionCall": tool_call(fields(FUNCTION_CALL_FIELDS)),
        "functionResponse": constant_role("tool", fields(FUNCTION_RESPONSE_FIELDS)),
        "executableCode": _CODE,
        "codeExecutionResult": _OUTPUT,
        "toolCall": tool_call(fields(both({"id": NAME, "toolType": NAME, "args": argument(FREE)})), hosted=True),
        "toolResponse": constant_role("tool", fields(both({"id": NAME, "toolType": NAME, "response": FREE}))),
        "partMetadata": FREE,
        "audioTranscription": fields(TRANSCRIPTION_FIELDS),
        "speechMetadata": fields({"speaker": TEXT, "style": TEXT}),
    }
)
"""Members of a part; one of them says what it is."""
PART = fields(PART_FIELDS, unknown_block)


def _parts(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """The parts of one content; texts that follow one another are joined."""
    if node.kind != ARRAY:
        PART(visitor, node, path, role)
        return
    for index, child in enumerate(node.children):
        below = f"{path}[{index}]"
        first = visitor.mark()
        PART(visitor, child, below, role)
        if child.string is not None or child.text("text") is not None:
            visitor.join(first, visitor.mark(), below if child.string is not None else f"{below}.text")
        else:
            visitor.join(0, 0, "")
    visitor.join(0, 0, "")


def content_of(parts: Rule) -> Rule:
    """A content: its role says whose segments its parts are."""
    inner = fields({"role": NAME, "parts": parts}, unknown_block)

    def walk(visitor: Visitor, node: Node, path: str, role: str) -> None:
        inner(visitor, node, path, ROLES.get(node.text("role") or "", role))

    return walk


CONTENT = content_of(_parts)
CONTENTS = items(CONTENT)
SYSTEM = constant_role("system", fields({"role": NAME, "parts": _parts}, unknown_block))

_FUNCTION = fields(
    both(
        {
            "name": NAME,
            "description": TEXT,
            "parameters": SCHEMA,
            "parametersJsonSchema": SCHEMA,
            "response": SCHEMA,
            "responseJsonSchema": SCHEMA,
            "behavior": NAME,
        }
    )
)


def _headers(visitor: Visitor, node: Node, path: str, role: str) -> None:
    """Headers for a tool server: its credentials leave as they are, the rest is text."""
    known: dict[str, Rule] = {
        child.key: OPAQUE for child in node.children if (child.key or "").lower() in _CREDENTIALS and child.key
    }
    fields(known)(visitor, node, path, role)


_CREDENTIALS = frozenset({"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"})
_TRANSPORT = fields(both({"url": TEXT, "headers": _headers, "timeout": NAME, "sseReadTimeout": NAME}), NAMES)
_WEB_SEARCH = fields(both({"excludeDomains": TEXT, "searchTypes": NAMES, "timeRangeFilter": FREE}), NAMES)
_BOUGHT_SEARCH = fields(both({"apiKey": OPAQUE, "customConfigs": FREE}), NAMES)
TOOL_FIELDS: dict[str, Rule] = both(
    {
        "functionDeclarations": items(_FUNCTION),
        "googleSearch": _WEB_SEARCH,
        "enterpriseWebSearch": _WEB_SEARCH,
        "googleSearchRetrieval": NAMES,
        "googleMaps": NAMES,
        "codeExecution": NAMES,
        "urlContext": NAMES,
        "computerUse": NAMES,
        "fileSearch": fields(both({"metadataFilter": TEXT}), NAMES),
        "retrieval": NAMES,
        "exaAiSearch": _BOUGHT_SEARCH,
        "parallelAiSearch": _BOUGHT_SEARCH,
        "mcpServers": items(fields(both({"name": NAME, "streamableHttpTransport": _TRANSPORT}))),
    }
)
"""Members of a tool; each is a kind of tool."""
TOOLS = constant_role("schema", items(fields(TOOL_FIELDS)))

_SPEAKER = fields(both({"speaker": TEXT, "voiceConfig": NAMES}))
_SPEECH = fields(
    both({"multiSpeakerVoiceConfig": fields(both({"speakerVoiceConfigs": items(_SPEAKER)}), NAMES)}), NAMES
)
AUDIO_CONFIG = fields(both({"customVocabulary": TEXT, "adaptationPhrases": TEXT, "sourceText": TEXT}), NAMES)
GENERATION_FIELDS: dict[str, Rule] = both(
    {
        "stopSequences": constant_role("metadata", TEXT),
        "responseSchema": SCHEMA,
        "responseJsonSchema": SCHEMA,
        "speechConfig": constant_role("metadata", _SPEECH),
        "audioTranscriptionConfig": constant_role("metadata", AUDIO_CONFIG),
        **dict.fromkeys(
            """temperature topP topK candidateCount maxOutputTokens responseLogprobs logprobs presencePenalty
            frequencyPenalty seed responseMimeType responseModalities mediaResolution thinkingConfig imageConfig
            enableEnhancedCivicAnswers routingConfig modelConfig audioTimestamp""".split(),  # noqa: SIM905
            NAMES,
        ),
    }
)
"""Members of ``generationConfig``."""
GENERATION = fields(GENERATION_FIELDS)

_GROUNDING_CHUNK = fields(
    both(
        {
            "web": fields({"domain": TEXT, "title": TEXT, "uri": TEXT}),
            "image": fields(both({"sourceUri": TEXT, "imageUri": TEXT, "title": TEXT, "domain": TEXT})),
        }
    )
)
SEGMENT_FIELDS: dict[str, Rule] = both({"startIndex": SKIP, "endIndex": SKIP, "partIndex": SKIP, "text": TEXT})
_SUPPORT = fields(both({"segment": fields(SEGMENT_FIELDS), "confidenceScores": SKIP, "groundingChunkIndices": SKIP}))
GROUNDING_FIELDS: dict[str, Rule] = both(
    {
        "groundingChunks": items(_GROUNDING_CHUNK),
        "groundingSupports": items(_SUPPORT),
        "webSearchQueries": TEXT,
        "imageSearchQueries": TEXT,
        "retrievalQueries": TEXT,
        "searchEntryPoint": fields(both({"renderedContent": TEXT, "sdkBlob": OPAQUE})),
        "retrievalMetadata": NAMES,
        "googleMapsWidgetContextToken": OPAQUE,
        "sourceFlaggingUris": items(fields(both({"flagContentUri": TEXT, "sourceId": NAME}))),
    }
)
_CITATION = fields(
    both({"startIndex": SKIP, "endIndex": SKIP, "license": TEXT, "publicationDate": SKIP, "title": TEXT, "uri": TEXT})
)
_CITATIONS = fields({"citations": items(_CITATION), "citationSources": items(_CITATION)})


CANDIDATE_FIELDS: dict[str, Rule] = both(
    {
        "content": content_of(items(PART)),
        "index": SKIP,
        "finishReason": NAME,
        "finishMessage": TEXT,
        "safetyRatings": SKIP,
        "citationMetadata": _CITATIONS,
        "tokenCount": SKIP,
        "groundingMetadata": fields(GROUNDING_FIELDS),
        "avgLogprobs": SKIP,
        "logprobsResult": SKIP,
        "urlContextMetadata": FREE,
        "continuationToken": OPAQUE,
    }
)
REPLY_FIELDS: dict[str, Rule] = both(
    {
        "candidates": items(fields(CANDIDATE_FIELDS)),
        "promptFeedback": fields(both({"blockReason": NAME, "blockReasonMessage": TEXT, "safetyRatings": SKIP})),
        "usageMetadata": SKIP,
        "modelVersion": NAME,
        "responseId": NAME,
        "createTime": NAME,
        "modelStatus": fields(both({"message": TEXT, "modelStage": NAME, "retirementTime": NAME})),
    }
)
"""Members of a reply. What is not here (``error``) is restored whole."""
REPLY = fields(REPLY_FIELDS)
_NO_TEXT = fields(
    {
        **PART_FIELDS,
        "text": SKIP,
        **both({"functionCall": tool_call(fields({**FUNCTION_CALL_FIELDS, **both({"partialArgs": SKIP})}))}),
    },
    unknown_block,
)
_CHUNK_CANDIDATE = fields({**CANDIDATE_FIELDS, "content": content_of(items(_NO_TEXT))})
CHUNK = fields({**REPLY_FIELDS, "candidates": items(_CHUNK_CANDIDATE)})
"""A chunk of a stream but for what comes in pieces: texts, and pieces of function calls' arguments."""
