"""Which endpoint a request is for: one table.

May import this room only. A host's provider narrows the table; without one (a base-URL gateway) the path alone
decides. Paths match with any prefix before ``/v1`` and in Azure's forms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from addons.wire.anthropic_batches import MessageBatches, MessageBatchResults
from addons.wire.anthropic_files import AnthropicContent, AnthropicFiles, AnthropicUpload
from addons.wire.anthropic_messages import AnthropicMessages
from addons.wire.anthropic_vertex import AnthropicVertex
from addons.wire.bedrock_converse import BedrockConverse
from addons.wire.bedrock_invoke import BedrockCount, BedrockInvoke
from addons.wire.bedrock_other import BedrockOther
from addons.wire.cohere import Cohere
from addons.wire.gemini import Gemini, GeminiStreaming
from addons.wire.gemini_caches import GeminiCaches
from addons.wire.generic import Generic
from addons.wire.mcp import Mcp
from addons.wire.mistral import Mistral, MistralStored
from addons.wire.ollama import Ollama
from addons.wire.openai_chat import OpenAIChat
from addons.wire.openai_files import FileContent, FileObjects, FileUpload, UploadParts
from addons.wire.openai_forms import IMAGE_EDITS, TRANSCRIPTIONS
from addons.wire.openai_responses import OpenAIResponses
from addons.wire.openai_stored import StoredState
from addons.wire.openai_text import (
    COMPLETIONS,
    EMBEDDINGS,
    IMAGES,
    MODERATIONS,
    SPEECH,
    VECTOR_SEARCH,
)
from addons.wire.types import Codec


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method and path of a provider, with its wire format."""

    name: str
    provider: str
    method: str
    path: re.Pattern[str]
    codec: Codec


GENERIC: Codec = Generic()
"""The codec of every path that no endpoint matches."""
_ANTHROPIC = AnthropicMessages()
_CHAT_STORED = StoredState("openai.chat.stored")
_RESPONSES_STORED = StoredState("openai.responses.stored")
_CONVERSATIONS = StoredState("openai.conversations")
_NEW_CONVERSATION = StoredState("openai.conversations", creates=True)
_COMPACT = OpenAIResponses("openai.responses.compact", compacts=True)
_INPUT_TOKENS = OpenAIResponses("openai.responses.input_tokens", only_counts=True)
_V1_BATCHES = r"(?:/[\w.-]+)*/v1/messages/batches"
_FILES, _FILE_LIST = FileObjects("openai.files"), FileObjects("openai.files", lists=True)
_BATCHES, _BATCH_LIST = FileObjects("openai.batches"), FileObjects("openai.batches", lists=True)
_JOBS, _JOB_LIST = FileObjects("openai.fine_tuning"), FileObjects("openai.fine_tuning", lists=True)
_MANY, _MANY_LIST = MessageBatches("anthropic.batches"), MessageBatches("anthropic.batches", lists=True)
_V1_FILES = r"(?:/[\w.-]+)*/v1/files"
_FILED = _V1_FILES + r"/(?P<file>[\w.-]+)"
_BATCHED = _V1_BATCHES + r"/(?P<batch>[\w.-]+)"
_COUNT = AnthropicMessages("anthropic.count_tokens")


def _row(name: str, provider: str, method: str, path: str, codec: Codec) -> Endpoint:
    return Endpoint(name, provider, method, re.compile(path), codec)


def _openai(name: str, methods: str, path: str, codec: Codec) -> tuple[Endpoint, ...]:
    """Rows of OpenAI's for these methods; ``path`` is what follows any prefix."""
    return tuple(_row(name, "openai", method, r"(?:/[\w.-]+)*" + path, codec) for method in methods.split())


_ANY = r"(?:/[\w.-]+)*"
_GEMINI_MODEL = _ANY + r"/(?:models|tunedModels|endpoints|dynamic)/(?P<model>[^/:]+):"
_VERTEX_CLAUDE = _ANY + r"/publishers/anthropic/models/(?P<model>[^/:]+):(?:rawPredict|streamRawPredict)"

_VERTEX_MISTRAL = _ANY + r"/publishers/mistralai/models/[^/:]+:(?:rawPredict|streamRawPredict)"

_CACHES = _ANY + r"/cachedContents"
_ONE_CACHE = r"/(?P<cache>[\w.-]+)/?"
_ON_CACHES = ("GET", "PATCH", "DELETE")
_CACHED = GeminiCaches("gemini.cached_contents")


def _google(name: str, method: str, codec: Codec) -> Endpoint:
    """A method of a model, at ``generativelanguage`` and in Vertex's paths alike."""
    return _row(name, "google", "POST", _GEMINI_MODEL + method, codec)


_GOOGLE = (
    _google("gemini.generate_content", "generateContent", Gemini("gemini.generate_content")),
    _google(
        "gemini.stream_generate_content", "streamGenerateContent", GeminiStreaming("gemini.stream_generate_content")
    ),
    _google("gemini.count_tokens", "countTokens", Gemini("gemini.count_tokens")),
    _google("gemini.embed_content", "embedContent", Gemini("gemini.embed_content")),
    _google("gemini.batch_embed_contents", "batchEmbedContents", Gemini("gemini.batch_embed_contents")),
    _row("gemini.cached_contents", "google", "POST", _CACHES + "/?", _CACHED),
    _row("gemini.cached_contents", "google", "GET", _CACHES + "/?", GeminiCaches("gemini.cached_contents", lists=True)),
    *[_row("gemini.cached_contents", "google", method, _CACHES + _ONE_CACHE, _CACHED) for method in _ON_CACHES],
    _row(
        "anthropic.count_tokens",
        "google",
        "POST",
        _ANY + r"/publishers/anthropic/models/count-tokens:rawPredict",
        AnthropicVertex("anthropic.count_tokens"),
    ),
    _row("anthropic.messages", "google", "POST", _VERTEX_CLAUDE, AnthropicVertex()),
    _row("mistral.chat", "google", "POST", _VERTEX_MISTRAL, Mistral("mistral.chat")),
    _google("vertex.predict", "predict", Gemini("vertex.predict")),
    _row("openai.chat", "google", "POST", _ANY + r"/(?:openai|openapi)/chat/completions/?", OpenAIChat()),
)
_MISTRAL_STORED = MistralStored("mistral.conversations")
_MISTRAL = (
    _row("mistral.fim", "mistral", "POST", _ANY + r"/fim/completions/?", Mistral("mistral.fim")),
    _row("mistral.agents", "mistral", "POST", _ANY + r"/agents/completions/?", Mistral("mistral.agents")),
)
_MISTRAL_LIKE_OPENAI = (
    _row("mistral.chat", "mistral", "POST", _ANY + r"/chat/completions/?", Mistral("mistral.chat")),
    _row("mistral.embeddings", "mistral", "POST", _ANY + r"/embeddings/?", Mistral("mistral.embeddings")),
    _row("mistral.conversations", "mistral", "GET", _ANY + r"/conversations(?:/.*)?", _MISTRAL_STORED),
    _row("mistral.conversations", "mistral", "POST", _ANY + r"/conversations/.+", _MISTRAL_STORED),
)
_COHERE = (
    _row("cohere.chat", "cohere", "POST", _ANY + r"/v2/chat/?", Cohere("cohere.chat")),
    _row("cohere.embed", "cohere", "POST", _ANY + r"/v2/embed/?", Cohere("cohere.embed")),
    _row("cohere.rerank", "cohere", "POST", _ANY + r"/v2/rerank/?", Cohere("cohere.rerank")),
    _row("openai.chat", "cohere", "POST", _ANY + r"/compatibility/v1/chat/completions/?", OpenAIChat()),
)
_OLLAMA = (
    _row("ollama.chat", "ollama", "POST", _ANY + r"/api/chat/?", Ollama("ollama.chat")),
    _row("ollama.generate", "ollama", "POST", _ANY + r"/api/generate/?", Ollama("ollama.generate")),
    _row("ollama.embed", "ollama", "POST", _ANY + r"/api/embed(?:dings)?/?", Ollama("ollama.embed")),
    _row("openai.chat", "ollama", "POST", _ANY + r"/v1/chat/completions/?", OpenAIChat()),
    _row("anthropic.messages", "ollama", "POST", _ANY + r"/v1/messages/?", _ANTHROPIC),
)


def _bedrock(name: str, path: str, codec: Codec) -> Endpoint:
    """A method of a model at AWS Bedrock; the model may be an ARN."""
    return _row(name, "bedrock", "POST", _ANY + r"/model/(?P<model>.+)" + path, codec)


_BEDROCK = (
    _bedrock("bedrock.converse", "/converse/?", BedrockConverse("bedrock.converse")),
    _bedrock("bedrock.converse_stream", "/converse-stream/?", BedrockConverse("bedrock.converse_stream")),
    _bedrock("bedrock.invoke", "/invoke/?", BedrockInvoke("bedrock.invoke")),
    _bedrock("bedrock.invoke_stream", "/invoke-with-response-stream/?", BedrockInvoke("bedrock.invoke_stream")),
    _bedrock("bedrock.count_tokens", "/count-tokens/?", BedrockCount()),
    _row(
        "bedrock.guardrail",
        "bedrock",
        "POST",
        _ANY + r"/guardrail/.+/version/[^/]+/apply/?",
        BedrockOther("bedrock.guardrail"),
    ),
)
_BEDROCK_OTHER = _row("bedrock.other", "bedrock", "", r".*", BedrockOther())
"""Whatever else Bedrock's hosts are asked for: at these hosts alone, never by path."""
_SPOKEN_TOO = {"bedrock": ("openai", "anthropic")}
"""Providers that answer others' paths as well."""
_BY_HOST_ALONE = frozenset({"mcp"})
"""Providers whose paths are whatever a server likes: their rows count at their own hosts only."""

ENDPOINTS: tuple[Endpoint, ...] = (
    *_BEDROCK,
    *_GOOGLE,
    *_MISTRAL,
    *_COHERE,
    *_OLLAMA,
    _row("anthropic.batches", "anthropic", "POST", _V1_BATCHES + "/?", _MANY),
    _row("anthropic.batches", "anthropic", "GET", _V1_BATCHES + "/?", _MANY_LIST),
    _row("anthropic.batches", "anthropic", "GET", _BATCHED + "/results/?", MessageBatchResults("anthropic.batches")),
    _row("anthropic.batches", "anthropic", "POST", _BATCHED + "/cancel/?", _MANY),
    _row("anthropic.batches", "anthropic", "GET", _BATCHED + "/?", _MANY),
    _row("anthropic.batches", "anthropic", "DELETE", _BATCHED + "/?", _MANY),
    _row("openai.chat", "openai", "POST", r"(?:/[\w.-]+)*/chat/completions/?", OpenAIChat()),
    *_openai(
        "openai.chat.stored",
        "GET POST DELETE",
        r"/chat/completions/(?P<completion>[\w.-]+)(?:/messages)?/?",
        _CHAT_STORED,
    ),
    *_openai("openai.chat.stored", "GET POST DELETE", r"/chat/completions(?:/.*)?", _CHAT_STORED),
    *_openai("openai.responses", "POST", r"/responses/?", OpenAIResponses()),
    *_openai("openai.responses.input_tokens", "POST", r"/responses/input_tokens/?", _INPUT_TOKENS),
    *_openai("openai.responses.compact", "POST", r"/responses/compact/?", _COMPACT),
    *_openai(
        "openai.responses.stored",
        "GET POST DELETE",
        r"/responses/(?P<response>[\w.-]+)(?:/(?:cancel|input_items))?/?",
        _RESPONSES_STORED,
    ),
    *_openai("openai.responses.stored", "GET POST DELETE", r"/responses/.+", _RESPONSES_STORED),
    *_openai("openai.conversations", "POST", r"/conversations/?", _NEW_CONVERSATION),
    *_openai(
        "openai.conversations",
        "GET POST DELETE",
        r"/conversations/(?P<conversation>[\w.-]+)(?:/items(?:/(?P<item>[\w.-]+))?)?/?",
        _CONVERSATIONS,
    ),
    *_openai("openai.conversations", "GET POST DELETE", r"/conversations(?:/.*)?", _CONVERSATIONS),
    *_openai("openai.completions", "POST", r"/completions/?", COMPLETIONS),
    *_openai("openai.embeddings", "POST", r"/embeddings/?", EMBEDDINGS),
    *_openai("openai.moderations", "POST", r"/moderations/?", MODERATIONS),
    *_openai("openai.images", "POST", r"/images/generations/?", IMAGES),
    *_openai("openai.images", "POST", r"/images/(?:edits|variations)/?", IMAGE_EDITS),
    *_openai("openai.speech", "POST", r"/audio/speech/?", SPEECH),
    *_openai("openai.transcriptions", "POST", r"/audio/(?:transcriptions|translations)/?", TRANSCRIPTIONS),
    *_openai("openai.vector_store_search", "POST", r"/vector_stores/[\w-]+/search/?", VECTOR_SEARCH),
    *_openai(
        "openai.vector_store_files", "GET POST DELETE", r"/vector_stores/[\w-]+/file(?:s|_batches)(?:/.*)?", GENERIC
    ),
    *_openai("openai.files", "POST", r"/files/?", FileUpload("openai.files")),
    *_openai("openai.files", "GET", r"/files/?", _FILE_LIST),
    *_openai("openai.files", "GET", r"/files/(?P<file>[\w.-]+)/content/?", FileContent("openai.files")),
    *_openai("openai.files", "GET DELETE", r"/files/(?P<file>[\w.-]+)/?", _FILES),
    *_openai("openai.uploads", "POST", r"/uploads(?:/.*)?", UploadParts("openai.uploads")),
    *_openai("openai.batches", "POST", r"/batches/?", _BATCHES),
    *_openai("openai.batches", "GET", r"/batches/?", _BATCH_LIST),
    *_openai("openai.batches", "GET", r"/batches/(?P<batch>[\w.-]+)/?", _BATCHES),
    *_openai("openai.batches", "POST", r"/batches/(?P<batch>[\w.-]+)/cancel/?", _BATCHES),
    *_openai("openai.fine_tuning", "POST", r"/fine_tuning/jobs/?", _JOBS),
    *_openai("openai.fine_tuning", "GET", r"/fine_tuning/jobs/?", _JOB_LIST),
    *_openai("openai.fine_tuning", "GET", r"/fine_tuning/jobs/(?P<job>[\w.-]+)(?:/(?:events|checkpoints))?/?", _JOBS),
    *_openai("openai.fine_tuning", "POST", r"/fine_tuning/jobs/(?P<job>[\w.-]+)/(?:cancel|pause|resume)/?", _JOBS),
    _row("anthropic.files", "anthropic", "POST", _V1_FILES + "/?", AnthropicUpload("anthropic.files")),
    _row("anthropic.files", "anthropic", "GET", _V1_FILES + "/?", AnthropicFiles("anthropic.files", lists=True)),
    _row("anthropic.files", "anthropic", "GET", _FILED + "/content/?", AnthropicContent("anthropic.files")),
    _row("anthropic.files", "anthropic", "GET", _FILED + "/?", AnthropicFiles("anthropic.files")),
    _row("anthropic.files", "anthropic", "DELETE", _FILED + "/?", AnthropicFiles("anthropic.files")),
    _row("anthropic.count_tokens", "anthropic", "POST", r"(?:/[\w.-]+)*/v1/messages/count_tokens/?", _COUNT),
    _row("anthropic.messages", "anthropic", "POST", r"(?:/[\w.-]+)*/v1/messages/?", _ANTHROPIC),
    *_MISTRAL_LIKE_OPENAI,
    _row("mcp", "mcp", "POST", r"/.*", Mcp()),
    _row("mcp.stream", "mcp", "GET", r"/.*", Mcp("mcp.stream")),
    _row("mcp.session", "mcp", "DELETE", r"/.*", Mcp("mcp.session")),
    _row("models", "", "GET", r"(?:/[\w.-]+)*/models(?:/[\w.:/-]+)?", GENERIC),
)
"""Tried in order; a provider of ``""`` is any provider."""


def match(provider: str | None, method: str, path: str) -> Endpoint | None:
    """The endpoint of a request; None if no codec knows it, which means ``GENERIC``.

    ``path`` is without query. ``provider`` None matches by path whatever the host; a provider that the table does
    not name (``azure``, a host of one's own) does too, since such servers speak the same dialects. Where the path
    names the model or a stored object, the codec is bound to it.
    """
    known = provider in _PROVIDERS
    for endpoint in ENDPOINTS:
        found = endpoint.path.fullmatch(path) if endpoint.method == method.upper() else None
        if found is not None:
            if endpoint.provider in _BY_HOST_ALONE and provider != endpoint.provider:
                continue
            spoken = (provider, *_SPOKEN_TOO.get(provider or "", ()))
            if endpoint.provider and known and endpoint.provider not in spoken:
                continue
            return _bound(endpoint, method, found.groupdict())
    return _BEDROCK_OTHER if provider == "bedrock" else None


def _bound(endpoint: Endpoint, method: str, found: Mapping[str, str | None]) -> Endpoint:
    if isinstance(endpoint.codec, StoredState | FileObjects | GeminiCaches):
        return replace(endpoint, codec=endpoint.codec.for_path(method, found))
    if isinstance(endpoint.codec, Mcp):
        return replace(endpoint, codec=endpoint.codec.for_request())
    model = found.get("model")
    if model is not None and isinstance(endpoint.codec, _NAMED_IN_PATH):
        return replace(endpoint, codec=endpoint.codec.for_model(unquote(model)))
    return endpoint


_NAMED_IN_PATH = (Gemini, AnthropicVertex, BedrockConverse, BedrockInvoke)
"""Codecs of endpoints whose path names the model."""
_PROVIDERS = {endpoint.provider for endpoint in ENDPOINTS if endpoint.provider}
