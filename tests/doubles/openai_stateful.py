"""OpenAI with its memory: stored responses, conversations, items, compactions, stored chat completions.

Every reply of ``POST /v1/responses`` quotes all that the provider knows of the conversation, one line for each message,
so that one sees what is restored of it. What it knows is in ``items`` and ``conversations``, as it came.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from tests.doubles import openai_responses
from tests.doubles.formats import CREATED, ApiError, dump, event, words_of
from tests.doubles.http1 import Reply, Request
from tests.doubles.manner import Manner
from tests.doubles.provider import Provider
from tests.doubles.responses_script import whole_stream

type Item = dict[str, Any]


class Stateful(Provider):
    """The double, with a memory."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._forget()

    def clear(self) -> None:
        """Forget everything stored, too; ids go on, so that no test meets what an earlier one has left in a vault."""
        ids = self._ids
        super().clear()
        self._ids = ids
        self._forget()

    def _forget(self) -> None:
        self.histories: dict[str, list[Item]] = {}
        """Response id -> all items up to and with its output."""
        self.inputs: dict[str, list[Item]] = {}
        self.conversations: dict[str, list[Item]] = {}
        self.metadata: dict[str, Any] = {}
        self.items: dict[str, Item] = {}
        self.completions: dict[str, Item] = {}

    def _reply(self, request: Request, manner: Manner) -> Reply:
        steps = request.path.removeprefix("/v1/").strip("/").split("/")
        if manner.status is not None or steps[0] not in ("responses", "conversations", "chat"):
            return super()._reply(request, manner)
        body = json.loads(request.body) if request.body else {}
        match request.method, steps:
            case "POST", ["responses"]:
                return self._respond(body, manner)
            case "POST", ["responses", "compact"]:
                return self._compact(body, manner)
            case "POST", ["conversations"]:
                return self._converse(body, manner)
            case _, ["chat", "completions", *rest] if rest or request.method != "POST":
                return self._completion(request.method, rest, body, manner)
            case "POST", ["chat", "completions"]:
                return self._chat(request, body, manner)
            case _, ["responses", key, *rest]:
                return self._stored_response(request, key, rest, manner)
            case _, ["conversations", key, *rest]:
                return self._stored_conversation(request.method, key, rest, body, manner)
        raise ApiError(404, f"Invalid URL ({request.method} {request.path})")

    # -- responses -----------------------------------------------------------------------------------------------------

    def _items_of(self, given: Any) -> list[Item]:
        if isinstance(given, str):
            given = [{"role": "user", "content": given}]
        items = []
        for one in given or []:
            if one.get("type") == "item_reference" or set(one) == {"id"}:
                found = self.items.get(one["id"])
                if found is None:
                    raise ApiError(404, f"Item with id '{one['id']}' not found.")
                items.append(found)
            elif one.get("type") == "compaction":
                items += json.loads(base64.b64decode(one["encrypted_content"]))
            else:
                item = {"type": "message", **one, "id": self._ids.new("msg_")}
                if item["type"] == "message" and isinstance(item["content"], str):
                    item["content"] = [{"type": "input_text", "text": item["content"]}]
                items.append(item)
        return items

    def _history(self, body: Mapping[str, Any]) -> tuple[list[Item], str | None]:
        conversation = body.get("conversation")
        key = conversation.get("id") if isinstance(conversation, dict) else conversation
        if key is not None:
            if key not in self.conversations:
                raise ApiError(404, "Conversation not found.")
            return self.conversations[key], key
        previous = body.get("previous_response_id")
        if previous is not None and previous not in self.histories:
            raise ApiError(400, "Previous response not found.")
        return list(self.histories.get(previous or "", [])), None

    def _respond(self, body: Mapping[str, Any], manner: Manner) -> Reply:
        before, key = self._history(body)
        new = self._items_of(body.get("input"))
        said = "\n".join(words_of(item.get("content")) for item in [*before, *new] if item.get("role") == "user")
        _, done = openai_responses.responses(
            {**body, "stream": False, "tools": [], "input": said}, manner.but({"say": manner.say or said}), self._ids
        )
        if body.get("context_management") or any(item.get("type") == "compaction_trigger" for item in new):
            done["output"].append(self._compaction([*before, *new]))
        if key is not None:
            done["conversation"] = {"id": key}
        stored = [*new, *done["output"]]
        if key is not None:
            self.conversations[key] += stored
        if body.get("store", True):
            self._stored[done["id"]] = done
            self.histories[done["id"]] = [*before, *stored]
            self.inputs[done["id"]] = [*before, *new]
            self.items |= {item["id"]: item for item in stored}
        if body.get("background") and not body.get("stream"):
            return Reply(200, [dump({**done, "background": True, "status": "queued", "output": []}, manner.ascii)])
        return self._told(done, manner) if body.get("stream") else Reply(200, [dump(done, manner.ascii)])

    def _told(self, done: Item, manner: Manner) -> Reply:
        events = [event(data, name, manner.ascii) for name, data in whole_stream(done, manner.piece)]
        return Reply(200, events, "text/event-stream; charset=utf-8", stream=True)

    def _compaction(self, items: list[Item]) -> Item:
        opaque = base64.b64encode(json.dumps(items).encode()).decode()
        return {"type": "compaction", "id": self._ids.new("cmp_"), "encrypted_content": opaque}

    def _compact(self, body: Mapping[str, Any], manner: Manner) -> Reply:
        before, _ = self._history(body)
        items = [*before, *self._items_of(body.get("input"))]
        done = {
            "id": self._ids.new("resp_"),
            "object": "response.compaction",
            "created_at": CREATED,
            "output": [*[item for item in items if item.get("role") == "user"][-1:], self._compaction(items)],
            "usage": {
                "input_tokens": 1,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 1,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 2,
            },
        }
        return Reply(200, [dump(done, manner.ascii)])

    def _stored_response(self, request: Request, key: str, rest: list[str], manner: Manner) -> Reply:
        done = self._stored.get(key)
        if done is None:
            raise ApiError(404, "Response not found.")
        match request.method, rest:
            case "GET", []:
                return self._told(done, manner) if "stream=true" in request.target else Reply(200, [dump(done)])
            case "GET", ["input_items"]:
                return _page(self.inputs[key])
            case "POST", ["cancel"]:
                return Reply(200, [dump({**done, "status": "cancelled"})])
            case "DELETE", []:
                for item in [*self.inputs.pop(key), *done["output"]]:
                    self.items.pop(item["id"], None)
                del self._stored[key], self.histories[key]
                return Reply(200, [dump({"id": key, "object": "response", "deleted": True})])
        raise ApiError(404, "Invalid URL")

    # -- conversations -------------------------------------------------------------------------------------------------

    def _converse(self, body: Mapping[str, Any], manner: Manner) -> Reply:
        key = self._ids.new("conv_")
        self.conversations[key] = self._items_of(body.get("items"))
        self.items |= {item["id"]: item for item in self.conversations[key]}
        self.metadata[key] = body.get("metadata") or {}
        return Reply(200, [dump(self._conversation(key), manner.ascii)])

    def _conversation(self, key: str) -> Item:
        return {"id": key, "object": "conversation", "created_at": CREATED, "metadata": self.metadata[key]}

    def _stored_conversation(
        self, method: str, key: str, rest: list[str], body: Mapping[str, Any], manner: Manner
    ) -> Reply:
        if key not in self.conversations:
            raise ApiError(404, "Conversation not found.")
        items = self.conversations[key]
        match method, rest:
            case "GET", ["items"]:
                return _page(items)
            case "POST", ["items"]:
                new = self._items_of(body.get("items"))
                items += new
                self.items |= {item["id"]: item for item in new}
                return _page(new)
            case "GET", ["items", item]:
                return Reply(200, [dump(self.items[item], manner.ascii)])
            case "DELETE", ["items", item]:
                items[:] = [one for one in items if one["id"] != item]
                return Reply(200, [dump(self._conversation(key))])
            case "POST", []:
                self.metadata[key] = body.get("metadata") or {}
                return Reply(200, [dump(self._conversation(key))])
            case "GET", []:
                return Reply(200, [dump(self._conversation(key))])
            case "DELETE", []:
                del self.conversations[key]
                return Reply(200, [dump({"id": key, "object": "conversation.deleted", "deleted": True})])
        raise ApiError(404, "Invalid URL")

    # -- chat completions ----------------------------------------------------------------------------------------------

    def _chat(self, request: Request, body: Mapping[str, Any], manner: Manner) -> Reply:
        reply = super()._reply(request, manner)
        if body.get("store") and not reply.stream:
            done = json.loads(b"".join(reply.pieces))
            self.completions[done["id"]] = {"done": done, "messages": body["messages"]}
        return reply

    def _completion(self, method: str, rest: list[str], body: Mapping[str, Any], manner: Manner) -> Reply:
        found = self.completions.get(rest[0]) if rest else None
        if found is None:
            raise ApiError(404, "No such completion.")
        match method, rest[1:]:
            case "GET", []:
                return Reply(200, [dump(found["done"], manner.ascii)])
            case "POST", []:
                found["done"]["metadata"] = body.get("metadata")
                return Reply(200, [dump(found["done"], manner.ascii)])
            case "GET", ["messages"]:
                messages = [{"id": f"{rest[0]}-{i}", **one} for i, one in enumerate(found["messages"])]
                return _page(messages)
            case "DELETE", []:
                del self.completions[rest[0]]
                return Reply(200, [dump({"id": rest[0], "object": "chat.completion.deleted", "deleted": True})])
        raise ApiError(404, "Invalid URL")


def _page(items: list[Item]) -> Reply:
    ends = {"first_id": items[0]["id"], "last_id": items[-1]["id"]} if items else {"first_id": None, "last_id": None}
    return Reply(200, [dump({"object": "list", "data": items, "has_more": False, **ends})])
