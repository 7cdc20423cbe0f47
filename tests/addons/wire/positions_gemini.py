"""The position matrix of Gemini's methods: a marker in every text path, ``KEEP`` where nothing may be touched."""

from __future__ import annotations

import json
from typing import Any

from tests.addons.wire.positions import KEEP, Marks, pieces

SIGNATURE = "CpcBAdHtim9" + KEEP


def gemini_request() -> tuple[dict[str, Any], int]:
    """A generateContent request, and how many markers there are in it."""
    m = Marks()
    schema = {
        "type": "OBJECT",
        "description": m(),
        "properties": {"email": {"type": "STRING", "description": m(), "enum": [m()], "example": m()}},
        "propertyOrdering": ["email"],
        "required": ["email"],
        "anyOf": [{"title": m(), "default": m()}],
    }
    body = {
        "systemInstruction": {"role": "user", "parts": [{"text": m()}]},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": m()},
                    {"text": m()},
                    {"inlineData": {"mimeType": "image/png", "data": KEEP, "displayName": m()}},
                    {"inlineData": {"mimeType": "application/pdf", "data": KEEP}},
                    {"fileData": {"mimeType": "video/mp4", "fileUri": "https://example.com/" + m()}},
                    {"hologram": {"caption": m(), "id": KEEP, "signature": KEEP}},
                    {"partMetadata": {"source": m()}, "text": m()},
                ],
            },
            {
                "role": "model",
                "parts": [
                    {"text": m(), "thought": True},
                    {"text": m(), "thoughtSignature": SIGNATURE},
                    {
                        "functionCall": {"id": KEEP, "name": KEEP, "args": {"to": m(), "deep": [{"x": m()}], m(): 1}},
                        "thoughtSignature": SIGNATURE,
                    },
                    {"executableCode": {"language": "PYTHON", "code": m()}},
                    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": m()}},
                    {"toolCall": {"id": KEEP, "toolType": "GOOGLE_SEARCH_WEB", "args": {"q": m()}}},
                    {"toolResponse": {"id": KEEP, "toolType": "GOOGLE_SEARCH_WEB", "response": {"hit": m()}}},
                    {"audioTranscription": {"text": m(), "words": [{"word": m(), "startOffset": "1s"}]}},
                ],
            },
            {
                "role": "function",
                "parts": [
                    {
                        "functionResponse": {
                            "id": KEEP,
                            "name": KEEP,
                            "response": {"found": m(), "inner": json.dumps({"a": 'x "y"'})},
                            "parts": [{"inlineData": {"mimeType": "image/jpeg", "data": KEEP}}],
                        }
                    }
                ],
            },
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": KEEP, "description": m(), "parameters": schema, "response": {"description": m()}},
                    {"name": KEEP, "parametersJsonSchema": {"type": "object", "title": m()}},
                ]
            },
            {"googleSearch": {"excludeDomains": [m()]}},
            {
                "mcpServers": [
                    {
                        "name": KEEP,
                        "streamableHttpTransport": {
                            "url": "https://example.com/" + m(),
                            "headers": {"Authorization": "Bearer " + KEEP, "x-who": m()},
                        },
                    }
                ]
            },
            {"telepathy": {"note": m()}},
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [KEEP]}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "generationConfig": {
            "stopSequences": [m()],
            "temperature": 0.5,
            "seed": 1234567890,
            "responseMimeType": "application/json",
            "responseSchema": {"type": "STRING", "description": m()},
            "speechConfig": {
                "multiSpeakerVoiceConfig": {
                    "speakerVoiceConfigs": [
                        {"speaker": m(), "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}
                    ]
                }
            },
            "thinkingConfig": {"includeThoughts": True},
        },
        "labels": {"customer": m(), m(): "x"},
        "aFieldOfTomorrow": {"note": m(), m(): [m()]},
    }
    return body, m.count


def embed_request() -> tuple[dict[str, Any], int]:
    m = Marks()
    one = {"model": "models/" + KEEP, "content": {"parts": [{"text": m()}, {"text": m()}]}, "title": m()}
    two = {"content": {"parts": [{"text": m()}]}, "taskType": "RETRIEVAL_QUERY", "embedContentConfig": {"title": m()}}
    return {"requests": [one, two]}, m.count


def predict_request() -> tuple[dict[str, Any], int]:
    m = Marks()
    instance = {"content": m(), "title": m(), "task_type": "RETRIEVAL_DOCUMENT"}
    image = {"prompt": m(), "image": {"bytesBase64Encoded": KEEP, "mimeType": "image/png"}}
    return {"instances": [instance, image], "parameters": {"outputDimensionality": 5, "negativePrompt": m()}}, m.count


def gemini_reply(value: str) -> dict[str, Any]:
    """A generateContent reply with ``value`` in every text path."""
    return {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": value, "thought": True},
                        {"text": f"a {value} b", "thoughtSignature": SIGNATURE},
                        {"functionCall": {"id": KEEP, "name": KEEP, "args": {"q": [value], "who": {"x": value}}}},
                        {"executableCode": {"language": "PYTHON", "code": f'print("{value}")'}},
                        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": value}},
                        {"inlineData": {"mimeType": "image/png", "data": KEEP}},
                    ],
                },
                "finishReason": "STOP",
                "finishMessage": value,
                "index": 0,
                "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"}],
                "groundingMetadata": {
                    "webSearchQueries": [value],
                    "searchEntryPoint": {"renderedContent": f"<p>{value}</p>"},
                    "groundingChunks": [
                        {"web": {"uri": f"https://example.com/{value}", "title": value}},
                        {"retrievedContext": {"text": value, "title": value}},
                    ],
                },
                "urlContextMetadata": {"urlMetadata": [{"retrievedUrl": f"https://example.com/{value}"}]},
            }
        ],
        "promptFeedback": {"blockReasonMessage": value},
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 4, "thoughtsTokenCount": 3},
        "modelVersion": "gemini-2.5-flash",
        "responseId": KEEP,
    }


def gemini_chunks(value: str, size: int = 3) -> list[Any]:
    """Two candidates; thoughts, text, a call between texts, streamed arguments."""
    tail = {"modelVersion": "gemini-2.5-flash", "responseId": "r1"}

    def chunk(index: int, *parts: Any, **more: Any) -> Any:
        content = {"content": {"parts": list(parts), "role": "model"}} if parts else {}
        return {"candidates": [{**content, "index": index, **more}], **tail}

    out = [chunk(0, {"text": piece, "thought": True}) for piece in pieces(value, size)]
    for piece in pieces(f"Dear {value}", size):
        out += [chunk(i, {"text": piece}) for i in (0, 1)]
    out.append(chunk(0, {"functionCall": {"name": KEEP, "args": {"to": value}}, "thoughtSignature": SIGNATURE}))
    out.append(chunk(0, {"functionCall": {"name": "send", "willContinue": True}}))
    cuts = pieces(value, size)
    for at, piece in enumerate(cuts):
        arg: dict[str, Any] = {"jsonPath": "$.to", "stringValue": piece}
        if at < len(cuts) - 1:
            arg["willContinue"] = True
        out.append(chunk(0, {"functionCall": {"partialArgs": [arg], "willContinue": True}}))
    out.append(chunk(0, {"functionCall": {}}))
    out += [chunk(0, {"text": piece}) for piece in pieces(f"again {value}", size)]
    out.append(chunk(0, {"text": "", "thoughtSignature": SIGNATURE}, finishReason="STOP"))
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 7}
    return [*out, chunk(1, {"text": value}, finishReason="STOP", finishMessage=value) | {"usageMetadata": usage}]


def gemini_sse(value: str, size: int = 3) -> bytes:
    """The chunks as server-sent events, as Google cuts lines."""
    chunks = gemini_chunks(value, size)
    return "".join(f"data: {json.dumps(c, ensure_ascii=False)}\r\n\r\n" for c in chunks).encode()


def gemini_array(value: str, size: int = 3) -> bytes:
    """The chunks as one JSON array, as Google lays it out."""
    chunks = [json.dumps(c, ensure_ascii=False, indent=2) for c in gemini_chunks(value, size)]
    return ("[" + ",\r\n".join(chunks) + "\n]\n").encode()
