"""OpenAI with files, batches and fine-tuning jobs. A batch is done when it is first asked for, by this double itself.

``files`` holds what arrived, byte for byte. Forms are read by Python's own mail parser, not by ours.
"""

from __future__ import annotations

import email.parser
import email.policy
import json
from collections.abc import Mapping
from typing import Any

from tests.doubles.formats import CREATED, ApiError, dump
from tests.doubles.http1 import Reply, Request
from tests.doubles.manner import Manner
from tests.doubles.openai_platform import Platform


def form_of(content_type: str, body: bytes) -> dict[str, tuple[str | None, bytes]]:
    """Field -> file name and content. Raises ApiError."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise ApiError(400, "Could not parse multipart form")
    return {
        str(part.get_param("name", header="content-disposition")): (part.get_filename(), part.get_payload(decode=True))
        for part in message.iter_parts()
    }


class Files(Platform):
    """The double, with these endpoints added."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.files: dict[str, tuple[dict[str, Any], bytes]] = {}
        self.batches: dict[str, dict[str, Any]] = {}

    def clear(self) -> None:
        """Forget what is stored; ids go on."""
        ids = self._ids
        super().clear()
        self._ids = ids
        self.files, self.batches = {}, {}

    def _reply(self, request: Request, manner: Manner) -> Reply:
        steps = request.path.removeprefix("/openai").removeprefix("/v1").strip("/").split("/")
        if manner.status is not None or steps[0] not in ("files", "batches", "fine_tuning", "audio", "uploads"):
            return super()._reply(request, manner)
        match request.method, steps:
            case "POST", ["files"]:
                fields = form_of(request.header("content-type"), request.body)
                name, content = fields["file"]
                return Reply(200, [dump(self._store(name or "", content, fields["purpose"][1].decode()))])
            case "GET", ["files"]:
                return _list([made for made, _ in self.files.values()])
            case "POST", ["audio", "transcriptions"]:
                prompt = form_of(request.header("content-type"), request.body).get("prompt", (None, b""))[1]
                return Reply(200, [dump({"text": f"It says {prompt.decode()}."})])
            case method, ["files", key, *rest]:
                return self._file(method, key, rest)
            case "POST", ["batches"]:
                return self._begin(json.loads(request.body))
            case "POST", ["fine_tuning", "jobs"]:
                return self._train(json.loads(request.body))
            case "GET", ["batches"]:
                for key in self.batches:
                    self._finish(key, request)
                return _list(list(self.batches.values()))
            case _, ["batches", key, *_]:
                if key not in self.batches:
                    raise ApiError(404, "No batch found.")
                self._finish(key, request)
                return Reply(200, [dump(self.batches[key])])
        raise ApiError(404, "Invalid URL")

    def _store(self, name: str, content: bytes, purpose: str) -> dict[str, Any]:
        made = {"id": self._ids.new("file-"), "object": "file", "bytes": len(content), "created_at": CREATED}
        made |= {"filename": name, "purpose": purpose, "status": "processed", "status_details": None}
        self.files[made["id"]] = made, content
        return made

    def _file(self, method: str, key: str, rest: list[str]) -> Reply:
        if key not in self.files:
            raise ApiError(404, f"No such File object: {key}")
        made, content = self.files[key]
        if method == "DELETE":
            del self.files[key]
            return Reply(200, [dump({"id": key, "object": "file", "deleted": True})])
        if rest:
            return Reply(200, [content], "application/octet-stream")
        return Reply(200, [dump(made)])

    def _begin(self, body: Mapping[str, Any]) -> Reply:
        if body["input_file_id"] not in self.files:
            raise ApiError(400, "Invalid input_file_id")
        key = self._ids.new("batch_")
        made = {"id": key, "object": "batch", "endpoint": body["endpoint"], "errors": None, "created_at": CREATED}
        made |= {"input_file_id": body["input_file_id"], "completion_window": "24h", "status": "validating"}
        self.batches[key] = made | {"output_file_id": None, "error_file_id": None, "metadata": body.get("metadata")}
        return Reply(200, [dump(self.batches[key])])

    def _train(self, body: Mapping[str, Any]) -> Reply:
        made = {"id": self._ids.new("ftjob-"), "object": "fine_tuning.job", "created_at": CREATED, "error": None}
        made |= {"training_file": body["training_file"], "result_files": [], "status": "queued", "model": body["model"]}
        made |= {"hyperparameters": {}, "organization_id": "org-1", "seed": 1, "fine_tuned_model": None}
        return Reply(200, [dump(made | {"finished_at": None, "trained_tokens": None, "validation_file": None})])

    def _finish(self, key: str, request: Request) -> None:
        """Every line answered by the endpoint that it names; every other one's failure goes to the error file."""
        batch = self.batches[key]
        if batch["status"] != "validating":
            return
        done: list[bytes] = []
        failed: list[bytes] = []
        for line in self.files[batch["input_file_id"]][1].decode("utf-8-sig").splitlines():
            if not line.strip():
                continue
            asked = json.loads(line)
            body = dump(asked["body"])
            result: dict[str, Any] = {"id": self._ids.new("batch_req_"), "custom_id": asked["custom_id"]}
            try:
                got = super()._reply(Request("POST", asked["url"], request.headers, body, b""), Manner())
                answer = {"status_code": got.status, "request_id": "r", "body": json.loads(b"".join(got.pieces))}
                done.append(dump(result | {"response": answer, "error": None}))
            except ApiError as error:
                quoted = {"code": "bad", "message": f"{error.message}: {json.dumps(asked['body'])}"}
                failed.append(dump(result | {"response": None, "error": quoted}))
        batch["status"] = "completed"
        for name, results in (("output_file_id", done), ("error_file_id", failed)):
            if results:
                batch[name] = self._store(f"{key}_{name}.jsonl", b"\n".join(results) + b"\n", "batch_output")["id"]


def _list(data: list[dict[str, Any]]) -> Reply:
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
    return Reply(200, [dump({"object": "list", "data": data, "has_more": False, **ends})])
