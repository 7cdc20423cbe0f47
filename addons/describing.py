"""What a record says of a request and its reply in closed words: provider, operation, SDK, shape, clock, price.

Pure but for the kernel's word on its clock. Nothing of a text, a header or a path beyond `templates` goes in.
"""

from __future__ import annotations

import ctypes
import fnmatch
import json
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence

from addons.settings_prices import Prices
from addons.templates import path_template
from addons.wire.types import Segment

SHAPE_ENTRIES = 100

_BY_HOST = (
    (".openai.azure.com", "azure.ai.openai"),
    ("api.deepseek.com", "deepseek"),
    ("api.groq.com", "groq"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("aiplatform.us.rep.googleapis.com", "gcp.vertex_ai"),
    ("aiplatform.eu.rep.googleapis.com", "gcp.vertex_ai"),
)
_PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "gcp.gen_ai",
    "mistral": "mistral_ai",
    "cohere": "cohere",
    "bedrock": "aws.bedrock",
    "ollama": "ollama",
}
_OPERATIONS = {
    "chat": "openai.chat openai.responses anthropic.messages mistral.chat mistral.agents cohere.chat ollama.chat "
    "bedrock.converse bedrock.converse_stream",
    "generate_content": "gemini.generate_content gemini.stream_generate_content",
    "text_completion": "openai.completions mistral.fim ollama.generate",
    "embeddings": "openai.embeddings mistral.embeddings cohere.embed ollama.embed gemini.embed_content "
    "gemini.batch_embed_contents",
}
_OPERATION_OF = {endpoint: name for name, endpoints in _OPERATIONS.items() for endpoint in endpoints.split()}

_FAMILIES = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("openai-python", r"(?:Async)?(?:Azure)?OpenAI/Python"),
        ("openai-node", r"(?:Azure)?OpenAI/JS"),
        ("openai-java", r"OpenAI(?:Client\w*)?/Java"),
        ("openai-go", r"OpenAI/Go"),
        ("anthropic-python", r"(?:Async)?Anthropic(?:Bedrock|Vertex)?/Python"),
        ("anthropic-node", r"Anthropic/JS"),
        ("claude-code", r"claude-(?:cli|code)/"),
        ("google-genai", r"google-genai-sdk/"),
        ("mistral-python", r"mistral-client-python/|speakeasy-sdk/python .*mistral"),
        ("cohere-python", r"cohere/\d|cohere-python"),
        ("ollama-python", r"ollama-python/"),
        ("ollama-node", r"ollama-js/"),
        ("aws-python", r"(?:Boto3|aiobotocore|Botocore)/"),
        ("aws-node", r"aws-sdk-js/"),
        ("litellm", r"litellm/"),
        ("langchain", r"langchain"),
        ("python-requests", r"python-requests/"),
        ("python-httpx", r"python-httpx/"),
        ("python-aiohttp", r"Python/[\d.]+ aiohttp/"),
        ("python-urllib", r"Python-urllib/"),
        ("node", r"node(?:-fetch|/|$)|undici"),
        ("go", r"Go-http-client/"),
        ("java", r"Java-http-client/|Java/|okhttp/"),
        ("curl", r"curl/"),
        ("browser", r"Mozilla/"),
    )
)
_REASONS = frozenset(
    [
        "stop",
        "length",
        "tool_calls",
        "content_filter",
        "function_call",
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "refusal",
        "model_context_window_exceeded",
        "completed",
        "incomplete",
        "failed",
        "cancelled",
        "max_output_tokens",
        "complete",
        "error",
        "error_toxic",
        "error_limit",
        "user_cancel",
        "tool_call",
        "safety",
        "recitation",
        "language",
        "other",
        "blocklist",
        "prohibited_content",
        "spii",
        "malformed_function_call",
        "image_safety",
        "unexpected_tool_call",
        "guardrail_intervened",
        "content_filtered",
        "model_length",
        "load",
        "unload",
        "finish",
    ]
)


def provider_name(provider: str | None, host: str) -> str | None:
    """OpenTelemetry's ``gen_ai.provider.name``; None where the upstream is none of the known ones."""
    host = host.lower()
    for suffix, name in _BY_HOST:
        if host == suffix or (suffix[0] == "." and host.endswith(suffix)):
            return name
    if host.endswith("-aiplatform.googleapis.com"):
        return "gcp.vertex_ai"
    return _PROVIDERS.get(provider or "")


def operation_name(endpoint: str) -> str | None:
    """OpenTelemetry's ``gen_ai.operation.name``; None where it has none for the endpoint."""
    return _OPERATION_OF.get(endpoint)


def user_agent_family(headers: Iterable[tuple[str, str]]) -> str | None:
    """Which SDK it was, of a closed list, or ``other``; None where no ``User-Agent`` came."""
    said = next((value for name, value in headers if name.lower() == "user-agent"), None)
    if said is None:
        return None
    return next((name for name, pattern in _FAMILIES if pattern.match(said[:200])), "other")


def shape_of(segments: Sequence[Segment]) -> str:
    """The request without its text: ``[[path template, role, segments, code points], ...]`` in order of appearance.

    `SHAPE_ENTRIES` at most; what is beyond stands in the last one together, as ``["*", "other", ...]``.
    """
    counts: dict[tuple[str, str], list[int]] = {}
    templates: dict[str, str] = {}
    for segment in segments:
        bare = _INDEX.sub("[*]", segment.path)
        template = templates.get(bare)
        if template is None:
            template = templates[bare] = path_template(bare)
        key = template, segment.role
        if key not in counts and len(counts) >= SHAPE_ENTRIES - 1:
            key = "*", "other"
        here = counts.setdefault(key, [0, 0])
        here[0] += 1
        here[1] += len(segment.text)
    entries = [[template, role, *numbers] for (template, role), numbers in counts.items()]
    return json.dumps(entries, ensure_ascii=False, separators=(",", ":"))


_INDEX = re.compile(r"\[\d+\]")


def finish_reason(reasons: Sequence[str]) -> str | None:
    """The first reason in lower case if it is a known word, else ``other``; None where none was given."""
    if not reasons:
        return None
    word = reasons[0].lower()
    return word if word in _REASONS else "other"


def cost_of(prices: Prices, model: str | None, tokens_in: int | None, tokens_out: int | None) -> float | None:
    """What the reply cost in ``prices.currency``, by the longest pattern; None where a count or price is missing."""
    if model is None or tokens_in is None or tokens_out is None:
        return None
    fitting = [pattern for pattern in prices.models if fnmatch.fnmatchcase(model, pattern)]
    if not fitting:
        return None
    price = prices.models[max(fitting, key=lambda pattern: (len(pattern), pattern))]
    return round((tokens_in * price.input + tokens_out * price.output) / 1_000_000, 9)


def findings_json(findings: Mapping[tuple[str, str, str], int]) -> str:
    """``[[entity, recognizer, action, count], ...]``, sorted."""
    return json.dumps([[*key, count] for key, count in sorted(findings.items())][:SHAPE_ENTRIES], separators=(",", ":"))


class Clock:
    """How this machine's clock is kept: ``ntp``, ``unsynchronized`` or ``unknown``; asked once a minute."""

    def __init__(self) -> None:
        self._until = 0.0
        self._source = "unknown"

    def source(self) -> str:
        """The kernel's word (Linux, adjtimex(2)); it never raises."""
        now = time.monotonic()
        if now >= self._until:
            self._until, self._source = now + 60.0, _kernel_says()
        return self._source


_CLOCK_IS_WRONG = 5  # TIME_ERROR: the clock is not synchronized


def _kernel_says() -> str:
    if sys.platform != "linux":
        return "unknown"
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))  # modes 0: only ask
    except (OSError, AttributeError):
        return "unknown"
    if state < 0:
        return "unknown"
    return "unsynchronized" if state == _CLOCK_IS_WRONG else "ntp"
