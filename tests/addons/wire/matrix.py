"""The position matrix: for every row of the tables of endpoints, its fixtures, or the reason why it has none.

``python -m tests.addons.wire.matrix`` prints how many positions there are. ``test_matrix.py`` holds the mapping to the
tables and runs every fixture through the row's own codec. A row is known by its name and its codec's class, so that
the same codec at another host is no row of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from addons.wire.realtime_registry import SOCKETS
from addons.wire.registry import Endpoint
from tests.addons.wire import positions as openai
from tests.addons.wire import positions_anthropic as anthropic
from tests.addons.wire import positions_bedrock as bedrock
from tests.addons.wire import positions_dialects as dialects
from tests.addons.wire import positions_files as files
from tests.addons.wire import positions_gemini as gemini
from tests.addons.wire import positions_mcp as mcp
from tests.addons.wire import positions_responses as responses
from tests.addons.wire import positions_rest as rest
from tests.addons.wire import test_openai_text as texts
from tests.addons.wire.endpoint_table import endpoints
from tests.addons.wire.positions import MARKER, Marks, dump
from tests.addons.wire.stream_texts import runs

JSON = "application/json"
PROBE = "PERSON_K1AAAAAA"
BODILESS = "asked for with GET or DELETE, which have no body"
REFUSED = "every request is refused, so there is no reply"
MESSAGES = "a websocket has messages: they are counted as its stream"
REASONS = frozenset({BODILESS, REFUSED, MESSAGES})

type Body = tuple[bytes, str, int]
"""A request's body, its content type, and how many markers there are in it."""
type Requests = Callable[[], list[Body]]
type Reply = Callable[[str], Any]
"""A value -> the reply with it in every text path; a list of documents where the reply is lines."""
type Stream = Callable[[str, int], Any]
"""A value and a size -> the stream with the value in every text path, cut into pieces of that many characters."""
type Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Positions:
    """The fixtures of a row; a string is the reason why there are none."""

    request: Requests | str
    replies: Sequence[Reply] | str
    streams: Sequence[Stream] | str
    lines: bool = False
    """The reply is lines of JSON."""


def of_json(*makes: Callable[[], tuple[Any, int]]) -> Requests:
    """Bodies of JSON."""
    return lambda: [(dump(body).encode(), JSON, count) for body, count in (make() for make in makes)]


def of_forms(*makes: Callable[[], tuple[bytes, int]]) -> Requests:
    """Bodies that are forms."""
    return lambda: [(body, files.CONTENT_TYPE, count) for body, count in (make() for make in makes)]


def of_text(*names: str) -> Requests:
    """Bodies of OpenAI's other text endpoints."""

    def make() -> list[Body]:
        bodies = [dump(texts.requests(Marks())[name][1]) for name in names]
        return [(body.encode(), JSON, len(set(MARKER.findall(body)))) for body in bodies]

    return make


def of_messages(make: Callable[[Marks], list[dict[str, Any]]]) -> Requests:
    """A websocket's messages."""

    def bodies() -> list[Body]:
        each = [dump(one) for one in make(Marks())]
        return [(one.encode(), JSON, len(set(MARKER.findall(one)))) for one in each]

    return bodies


def text_reply(name: str) -> Reply:
    return lambda value: texts.replies(value)[name][1]


def cut_texts(value: str, size: int) -> bytes:
    return texts.stream_of(f"{value} x", size)


FREE = (rest.free_reply,)
"""What a reply of numbers alone, or of sound, still says: an error, members of tomorrow."""
WHOLE = (rest.free_stream,)
"""Where no stream is foreseen."""
CHAT = Positions(of_json(openai.openai_request), (openai.openai_reply, *FREE), (openai.openai_stream,))
CLAUDE = Positions(
    of_json(anthropic.anthropic_request), (anthropic.anthropic_reply, *FREE), (anthropic.anthropic_stream,)
)
GEMINI = Positions(of_json(gemini.gemini_request), (gemini.gemini_reply,), (gemini.gemini_sse, gemini.gemini_array))
STORED = Positions(
    of_json(rest.kept_request),
    (responses.responses_reply, openai.openai_reply, rest.kept_list),
    (responses.responses_stream,),
)
CONVERSE = Positions(of_json(bedrock.converse_request), (rest.converse_reply,), (rest.converse_stream,))
INVOKE = Positions(
    of_json(anthropic.anthropic_request, openai.openai_request, bedrock.converse_request),
    (anthropic.anthropic_reply, openai.openai_reply, rest.converse_reply, *FREE),
    (rest.invoke_stream,),
)
MISTRAL = Positions(of_json(dialects.mistral_chat), (dialects.mistral_reply,), (dialects.mistral_stream,))
NOTHING = Positions(REFUSED, REFUSED, REFUSED)
PLAIN = Positions(BODILESS, FREE, WHOLE)
OBJECTS = Positions(of_json(rest.made_of_files), (rest.stored_file,), WHOLE)
MCP_REPLIES: tuple[Reply, ...] = (lambda value: [one for one in mcp.replies(value) if "blob" not in dump(one)],)


def embedding(request: Requests) -> Positions:
    """What is answered with numbers."""
    return Positions(request, FREE, WHOLE)


MATRIX: dict[Key, Positions] = {
    ("bedrock.converse", "BedrockConverse"): CONVERSE,
    ("bedrock.converse_stream", "BedrockConverse"): CONVERSE,
    ("bedrock.invoke", "BedrockInvoke"): INVOKE,
    ("bedrock.invoke_stream", "BedrockInvoke"): INVOKE,
    ("bedrock.count_tokens", "BedrockCount"): Positions(of_json(rest.counted), FREE, (rest.invoke_stream,)),
    ("bedrock.guardrail", "BedrockOther"): Positions(of_json(rest.guarded), FREE, (rest.agent_stream,)),
    ("bedrock.other", "BedrockOther"): Positions(of_json(rest.free_request), FREE, (rest.agent_stream, *WHOLE)),
    ("gemini.generate_content", "Gemini"): GEMINI,
    ("gemini.stream_generate_content", "GeminiStreaming"): GEMINI,
    ("gemini.count_tokens", "Gemini"): embedding(of_json(gemini.gemini_request)),
    ("gemini.embed_content", "Gemini"): embedding(of_json(rest.embed_one)),
    ("gemini.batch_embed_contents", "Gemini"): embedding(of_json(gemini.embed_request)),
    ("gemini.cached_contents", "GeminiCaches"): Positions(of_json(rest.cached_request), (rest.cached_reply,), WHOLE),
    ("vertex.predict", "Gemini"): embedding(of_json(gemini.predict_request)),
    ("anthropic.count_tokens", "AnthropicVertex"): CLAUDE,
    ("anthropic.messages", "AnthropicVertex"): CLAUDE,
    ("mistral.chat", "Mistral"): MISTRAL,
    ("mistral.agents", "Mistral"): MISTRAL,
    ("mistral.fim", "Mistral"): Positions(of_json(dialects.mistral_fim), MISTRAL.replies, MISTRAL.streams),
    ("mistral.embeddings", "Mistral"): embedding(of_json(dialects.mistral_embeddings)),
    ("mistral.conversations", "MistralStored"): NOTHING,
    ("cohere.chat", "Cohere"): Positions(
        of_json(dialects.cohere_chat), (dialects.cohere_reply,), (dialects.cohere_stream,)
    ),
    ("cohere.embed", "Cohere"): embedding(of_json(dialects.cohere_embed)),
    ("cohere.rerank", "Cohere"): embedding(of_json(dialects.cohere_rerank)),
    ("ollama.chat", "Ollama"): Positions(
        of_json(dialects.ollama_chat), (dialects.ollama_reply,), (dialects.ollama_chat_stream,)
    ),
    ("ollama.generate", "Ollama"): Positions(
        of_json(dialects.ollama_generate), (dialects.ollama_reply,), (dialects.ollama_generate_stream,)
    ),
    ("ollama.embed", "Ollama"): Positions(of_json(dialects.ollama_embed), FREE, (rest.free_lines,)),
    ("openai.chat", "OpenAIChat"): CHAT,
    ("openai.chat.stored", "StoredState"): STORED,
    ("openai.responses.stored", "StoredState"): STORED,
    ("openai.conversations", "StoredState"): STORED,
    ("openai.responses", "OpenAIResponses"): Positions(
        of_json(responses.responses_request), (responses.responses_reply,), (responses.responses_stream,)
    ),
    ("openai.responses.input_tokens", "OpenAIResponses"): Positions(of_json(responses.responses_request), FREE, WHOLE),
    ("openai.responses.compact", "OpenAIResponses"): Positions(
        of_json(responses.responses_request), (rest.compacted,), WHOLE
    ),
    ("openai.completions", "OpenAIText"): Positions(
        of_text("prompt", "prompts"), (text_reply("completions"),), (cut_texts,)
    ),
    ("openai.embeddings", "OpenAIText"): Positions(of_text("embeddings"), (text_reply("embeddings"), *FREE), WHOLE),
    ("openai.moderations", "OpenAIText"): Positions(of_text("moderations", "strings"), FREE, WHOLE),
    ("openai.images", "OpenAIText"): Positions(of_text("images"), (text_reply("images"),), WHOLE),
    ("openai.images", "OpenAIForm"): Positions(of_forms(rest.image_form), (text_reply("images"),), WHOLE),
    ("openai.speech", "OpenAIText"): Positions(of_text("speech"), FREE, WHOLE),
    ("openai.transcriptions", "OpenAIForm"): Positions(
        of_forms(rest.speech_form), (text_reply("transcription"),), (rest.transcript_stream,)
    ),
    ("openai.vector_store_search", "OpenAIText"): Positions(of_text("search"), (text_reply("search"),), WHOLE),
    ("openai.vector_store_files", "Generic"): Positions(of_json(rest.free_request), FREE, WHOLE),
    ("openai.files", "FileUpload"): Positions(
        lambda: [(body, files.CONTENT_TYPE, count) for body, count in [*files.uploads(), files.odd_purpose()]],
        (rest.stored_file,),
        WHOLE,
    ),
    ("openai.files", "FileObjects"): Positions(BODILESS, (rest.stored_file,), WHOLE),
    ("openai.files", "FileContent"): Positions(BODILESS, (files.result_lines,), WHOLE, lines=True),
    ("openai.uploads", "UploadParts"): NOTHING,
    ("openai.batches", "FileObjects"): OBJECTS,
    ("openai.fine_tuning", "FileObjects"): OBJECTS,
    ("anthropic.batches", "MessageBatches"): Positions(of_json(files.message_batch), FREE, WHOLE),
    ("anthropic.batches", "MessageBatchResults"): Positions(BODILESS, (files.message_results,), WHOLE, lines=True),
    ("anthropic.files", "AnthropicUpload"): Positions(
        lambda: [(body, files.CONTENT_TYPE, count) for body, count in [*files.uploads()[2:], files.odd_purpose()]],
        (rest.stored_file,),
        WHOLE,
    ),
    ("anthropic.files", "AnthropicFiles"): Positions(BODILESS, (rest.stored_file,), WHOLE),
    ("anthropic.files", "AnthropicContent"): Positions(BODILESS, FREE, WHOLE),
    ("anthropic.count_tokens", "AnthropicMessages"): CLAUDE,
    ("anthropic.messages", "AnthropicMessages"): CLAUDE,
    ("mcp", "Mcp"): Positions(of_json(mcp.requests), MCP_REPLIES, (rest.mcp_stream,)),
    ("mcp.stream", "Mcp"): Positions(BODILESS, MCP_REPLIES, (rest.mcp_stream,)),
    ("mcp.session", "Mcp"): Positions(BODILESS, MCP_REPLIES, (rest.mcp_stream,)),
    ("models", "Generic"): PLAIN,
    ("openai.realtime", "Realtime"): Positions(of_messages(rest.realtime_client), MESSAGES, (rest.realtime_server,)),
    ("openai.responses.socket", "ResponsesSocket"): Positions(
        of_messages(rest.responses_client), MESSAGES, (rest.responses_server,)
    ),
    ("gemini.live", "GeminiLive"): Positions(of_messages(rest.live_client), MESSAGES, (rest.live_server,)),
}
"""Name and codec -> fixtures."""


def rows() -> dict[Key, list[Endpoint]]:
    """The rows of the table of HTTP endpoints, Bedrock's generic one with them."""
    found: dict[Key, list[Endpoint]] = {}
    for endpoint, _ in endpoints():
        found.setdefault((endpoint.name, type(endpoint.codec).__name__), []).append(endpoint)
    return found


def sockets() -> dict[Key, Callable[[], Any]]:
    """The rows of the table of websockets -> what makes their codecs."""
    return {(one.name, type(one.codec()).__name__): one.codec for one in SOCKETS}


def documents(raw: bytes) -> list[Any]:
    """The JSON documents of lines."""
    return [json.loads(line) for line in raw.splitlines() if line.strip()]


def occurrences(value: Any, text: str) -> int:
    """How often a text stands in the strings and names of a value, in JSON inside them too."""
    return dump(value).count(text)


def streamed(make: Stream, value: str, size: int) -> Any:
    """A fixture's stream: bytes, or a websocket's messages."""
    made = make(value, size)
    return made if isinstance(made, bytes) else list(made)


def counts(one: Positions) -> tuple[int, int, int]:
    """Positions in the requests, the replies, the streams."""
    asked = 0 if isinstance(one.request, str) else sum(count for _, _, count in one.request())
    told = 0 if isinstance(one.replies, str) else sum(occurrences(make(PROBE), PROBE) for make in one.replies)
    return asked, told, 0 if isinstance(one.streams, str) else sum(map(of_stream, one.streams))


def of_stream(make: Stream) -> int:
    """Positions of a stream, none of which is cut."""
    return sum(text.count(PROBE) for text in runs(streamed(make, PROBE, 10_000)).values())


def lines() -> Iterable[str]:
    """The table, as Markdown."""
    yield "| endpoint | codec | request | reply | stream | total |"
    yield "| --- | --- | --- | --- | --- | --- |"
    sums = (0, 0, 0)
    for (name, codec), one in MATRIX.items():
        each = counts(one)
        sums = (sums[0] + each[0], sums[1] + each[1], sums[2] + each[2])
        yield f"| {name} | {codec} | {each[0]} | {each[1]} | {each[2]} | {sum(each)} |"
    yield f"| {len(MATRIX)} rows | | {sums[0]} | {sums[1]} | {sums[2]} | {sum(sums)} |"


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
