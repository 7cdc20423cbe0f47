"""OpenAI with more of its endpoints than ``Provider`` knows, and responses made of items of any kind.

Set ``script`` and ``POST /v1/responses`` answers with the items that it makes of the last user message's text; without
it, with a quotation. Every text that it says comes from what it was asked, so that one sees what arrived.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.doubles import openai_responses
from tests.doubles.formats import CREATED, dump, event
from tests.doubles.http1 import Reply, Request
from tests.doubles.manner import Manner
from tests.doubles.provider import Provider
from tests.doubles.quoting import cut, tokens
from tests.doubles.responses_script import whole_stream

SEARCH = "/search"


class Platform(Provider):
    """The double, with these endpoints added."""

    script: Callable[[str], Sequence[Mapping[str, Any]]] | None = None
    """Text of the last user message -> output items."""

    def clear(self) -> None:
        """Forget the script, too."""
        super().clear()
        self.script = None

    def _reply(self, request: Request, manner: Manner) -> Reply:
        path = request.path.removeprefix("/v1")
        if request.method == "DELETE":
            return Reply(200, [dump({"id": path.rpartition("/")[2], "object": "response", "deleted": True})])
        known = path in _ENDPOINTS or path.endswith(SEARCH) or (path == "/responses" and self.script is not None)
        if request.method != "POST" or manner.status is not None or not known:
            return super()._reply(request, manner)
        body = json.loads(request.body)
        if path == "/completions" and not body.get("stream"):
            return super()._reply(request, manner)
        if path == "/responses":
            return self._scripted(body, manner)
        return _ENDPOINTS.get(path, _found)(body, manner)

    def _scripted(self, body: Mapping[str, Any], manner: Manner) -> Reply:
        assert self.script is not None
        _, done = openai_responses.responses({**body, "stream": False, "tools": []}, manner, self._ids)
        done["output"] = list(self.script(openai_responses.asked(body).text))
        self._stored[done["id"]] = done
        if not body.get("stream"):
            return Reply(200, [dump(done, manner.ascii)])
        events = [event(data, name, manner.ascii) for name, data in whole_stream(done, manner.piece)]
        return Reply(200, events, "text/event-stream; charset=utf-8", stream=True)


def _completion_stream(body: Mapping[str, Any], manner: Manner) -> Reply:
    head = {"id": "cmpl-1", "object": "text_completion", "created": CREATED, "model": body.get("model")}

    def chunk(text: str, finish: str | None = None) -> bytes:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
        return event({**head, "choices": [choice]}, ascii_only=manner.ascii)

    pieces = [chunk(piece) for piece in cut(f"You wrote: {body.get('prompt')}", manner.piece)]
    return Reply(200, [*pieces, chunk("", "stop"), b"data: [DONE]\n\n"], "text/event-stream", stream=True)


def _input_tokens(body: Mapping[str, Any], manner: Manner) -> Reply:
    return Reply(200, [dump({"object": "response.input_tokens", "input_tokens": tokens(str(body.get("input")))})])


def _moderation(body: Mapping[str, Any], manner: Manner) -> Reply:
    given = body.get("input")
    verdict = {"flagged": False, "categories": {}, "category_scores": {}, "category_applied_input_types": {}}
    results = [verdict for _ in (given if isinstance(given, list) else [given])]
    return Reply(200, [dump({"id": "modr-1", "model": "omni-moderation-latest", "results": results})])


def _image(body: Mapping[str, Any], manner: Manner) -> Reply:
    picture = {"b64_json": "iVBORw0KGgo=", "revised_prompt": f"A picture of: {body.get('prompt')}"}
    return Reply(200, [dump({"created": CREATED, "data": [picture]}, manner.ascii)])


def _speech(body: Mapping[str, Any], manner: Manner) -> Reply:
    return Reply(200, [b"ID3\x00\xff\xfe sound"], "audio/mpeg")


def _found(body: Mapping[str, Any], manner: Manner) -> Reply:
    query = body.get("query")
    content = [{"type": "text", "text": f"Found for {query}"}]
    one = {"file_id": "file-1", "filename": "a.txt", "score": 0.5, "attributes": {}, "content": content}
    page = {"object": "vector_store.search_results.page", "search_query": [query], "data": [one], "has_more": False}
    return Reply(200, [dump(page, manner.ascii)])


_ENDPOINTS: dict[str, Callable[[Mapping[str, Any], Manner], Reply]] = {
    "/completions": _completion_stream,
    "/responses/input_tokens": _input_tokens,
    "/moderations": _moderation,
    "/images/generations": _image,
    "/audio/speech": _speech,
}
