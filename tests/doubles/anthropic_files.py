"""Anthropic with files (beta) and Message Batches. A batch has ended when it is first asked for by its id.

``files`` and ``batches`` hold what arrived. Every file can be downloaded, also one that was uploaded (the provider
hands out only what its tools made). A message that names a file is answered with the file's text in it, and
one that may execute code with a file that holds the answer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from tests.doubles import anthropic_messages
from tests.doubles.formats import ApiError, dump
from tests.doubles.http1 import Reply, Request
from tests.doubles.manner import Manner
from tests.doubles.openai_files import form_of
from tests.doubles.provider import Provider

HOST = "https://api.anthropic.com"
_TIME = "2025-09-29T18:37:24.100435Z"
_LATER = "2025-09-30T18:37:24.100435Z"
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Claude(Provider):
    """The double, with these endpoints added."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._made = 0
        self.files: dict[str, tuple[dict[str, Any], bytes]] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self._asked: dict[str, list[dict[str, Any]]] = {}
        self._results: dict[str, list[bytes]] = {}

    def clear(self) -> None:
        """Forget what is stored; ids go on."""
        super().clear()
        self.files, self.batches, self._asked, self._results = {}, {}, {}, {}

    def _reply(self, request: Request, manner: Manner) -> Reply:
        steps = request.path.removeprefix("/v1").strip("/").split("/")
        stored = steps[0] == "files" or steps[:2] == ["messages", "batches"]
        if manner.status is not None or not (stored or steps == ["messages"]):
            return super()._reply(request, manner)
        if not (request.header("x-api-key") or request.header("authorization")):
            raise ApiError(401, "x-api-key header is required")
        match request.method, steps:
            case "POST", ["messages"]:
                return self._with_output(request, super()._reply(self._with_files(request), manner))
            case "POST", ["files"]:
                name, content = form_of(request.header("content-type"), request.body)["file"]
                return Reply(200, [dump(self._store(name or "unnamed", content))])
            case "GET", ["files"]:
                return Reply(200, [dump({"data": [made for made, _ in self.files.values()], "next_page": None})])
            case method, ["files", key, *rest]:
                return self._file(method, key, rest)
            case "POST", ["messages", "batches"]:
                return self._begin(json.loads(request.body))
            case "GET", ["messages", "batches"]:
                data = list(self.batches.values())
                ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
                return Reply(200, [dump({"data": data, "has_more": False, **ends})])
            case method, ["messages", "batches", key, *rest] if key in self.batches:
                return self._batch(request, method, key, rest)
        raise ApiError(404, "Not Found")

    def _id(self, prefix: str) -> str:
        """An id that looks like the provider's: ``file_01`` and 22 letters and digits."""
        self._made += 1
        drawn = hashlib.sha256(f"{prefix}{self._made}".encode()).digest()
        return f"{prefix}_01" + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in drawn[:22])

    # -- files ---------------------------------------------------------------------------------------------------------

    def _store(self, name: str, content: bytes) -> dict[str, Any]:
        made = {"id": self._id("file"), "type": "file", "filename": name.rpartition("/")[2], "created_at": _TIME}
        made |= {"mime_type": "text/plain", "size_bytes": len(content), "downloadable": True}
        self.files[str(made["id"])] = made, content
        return made

    def _file(self, method: str, key: str, rest: list[str]) -> Reply:
        if key not in self.files:
            raise ApiError(404, f"File not found: {key}")
        made, content = self.files[key]
        if method == "DELETE":
            del self.files[key]
            return Reply(200, [dump({"id": key, "type": "file_deleted"})])
        return Reply(200, [content], "text/plain") if rest else Reply(200, [dump(made)])

    def _with_files(self, request: Request) -> Request:
        """The request with the text of its files in the place of their ids."""
        body = dump(self._opened({**json.loads(request.body), "tools": []}))
        return Request(request.method, request.target, request.headers, body, request.head, request.server_name)

    def _with_output(self, request: Request, reply: Reply) -> Reply:
        if reply.stream:
            return reply
        said = self._executed(json.loads(request.body), json.loads(b"".join(reply.pieces)))
        return Reply(200, [dump(said)])

    def _executed(self, body: Mapping[str, Any], said: dict[str, Any]) -> dict[str, Any]:
        """The message with a file in it, if code may be executed."""
        if any(tool.get("type", "").startswith("code_execution") for tool in body.get("tools") or []):
            made = self._store("answer.txt", said["content"][-1]["text"].encode())
            outputs = [{"type": "bash_code_execution_output", "file_id": made["id"]}]
            result = {"type": "bash_code_execution_result", "stdout": "", "stderr": "", "return_code": 0}
            block = {"type": "bash_code_execution_tool_result", "tool_use_id": "srvtoolu_1"}
            said["content"].append({**block, "content": {**result, "content": outputs}})
        return said

    def _opened(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._opened(one) for one in value]
        if not isinstance(value, Mapping):
            return value
        source = value.get("source", value if value.get("type") == "container_upload" else None)
        if isinstance(source, Mapping) and isinstance(source.get("file_id"), str):
            if source["file_id"] not in self.files:
                raise ApiError(404, f"File not found: {source['file_id']}")
            return {"type": "text", "text": self.files[source["file_id"]][1].decode()}
        return {key: self._opened(one) for key, one in value.items()}

    # -- batches -------------------------------------------------------------------------------------------------------

    def _begin(self, body: Mapping[str, Any]) -> Reply:
        requests = body["requests"]
        names = [one["custom_id"] for one in requests]
        if not all(map(_CUSTOM_ID.fullmatch, names)) or len(set(names)) < len(names):
            raise ApiError(400, "requests: `custom_id` must match ^[a-zA-Z0-9_-]{1,64}$ and be unique")
        key = self._id("msgbatch")
        counts = {"processing": len(requests), "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
        made = {"id": key, "type": "message_batch", "processing_status": "in_progress", "request_counts": counts}
        made |= {"created_at": _TIME, "expires_at": _LATER, "ended_at": None, "archived_at": None}
        self.batches[key] = made | {"cancel_initiated_at": None, "results_url": None}
        self._asked[key] = requests
        return Reply(200, [dump(self.batches[key])])

    def _batch(self, request: Request, method: str, key: str, rest: list[str]) -> Reply:
        batch = self.batches[key]
        match method, rest:
            case "POST", ["cancel"]:
                if batch["processing_status"] == "in_progress":
                    batch |= {"processing_status": "canceling", "cancel_initiated_at": _TIME}
                return Reply(200, [dump(batch)])
            case "DELETE", []:
                del self.batches[key], self._asked[key]
                return Reply(200, [dump({"id": key, "type": "message_batch_deleted"})])
            case "GET", ["results"] if key in self._results:
                return Reply(200, [line + b"\n" for line in self._results[key]], "application/x-jsonl")
            case "GET", []:
                if key not in self._results:
                    self._finish(key, request)
                return Reply(200, [dump(batch)])
        raise ApiError(404, "Not Found")

    def _finish(self, key: str, request: Request) -> None:
        """Every request answered by the Messages endpoint, the last one first; a failure quotes its request."""
        batch, counts = self.batches[key], self.batches[key]["request_counts"]
        results = []
        for one in reversed(self._asked[key]):
            result: dict[str, Any] = {"type": "canceled"}
            if batch["processing_status"] != "canceling":
                result = self._result(one["params"], request)
            counts[result["type"]] += 1
            counts["processing"] -= 1
            results.append(dump({"custom_id": one["custom_id"], "result": result}))
        self._results[key] = results
        batch |= {"processing_status": "ended", "ended_at": _LATER}
        batch["results_url"] = f"{HOST}/v1/messages/batches/{key}/results"

    def _result(self, params: Mapping[str, Any], request: Request) -> dict[str, Any]:
        try:
            got = anthropic_messages.messages(self._opened({**params, "tools": []}), Manner(), self._ids)
        except ApiError as error:
            quoted = f"{error.message}: {json.dumps(params, ensure_ascii=False)}"
            return {"type": "errored", "error": anthropic_messages.error_body(error.status, quoted, "req_1")}
        return {"type": "succeeded", "message": self._executed(params, json.loads(b"".join(got.pieces)))}
