"""A provider that leads a coding agent through one task: read a file, call a tool with what is in it, write it back.

In a test::

    with ScriptedProvider(Task(directory)) as provider:
        ...                              # run the agent
        provider.read                    # the file's text as the provider saw it

Claude Code asks with Messages and the tools ``Read``, ``Bash`` and ``Write``; Codex asks with Responses and one tool
``exec`` that runs JavaScript with ``tools.exec_command`` and ``tools.apply_patch``. What else they ask is quoted back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.doubles import anthropic_messages
from tests.doubles.formats import CREATED, dump, event, words_of
from tests.doubles.http1 import Reply, Request
from tests.doubles.manner import Manner
from tests.doubles.provider import HOSTS, Provider
from tests.doubles.responses_script import whole_stream
from tests.doubles.tls import ThrowawayCa

EVENTS = "text/event-stream; charset=utf-8"
_NUMBERED = re.compile(r"^ *\d+(?:\t|→)(.*)$", re.MULTILINE)
_BETWEEN = re.compile(r"BEGIN\n(.*)END", re.DOTALL)
_EMAIL = re.compile(r"EMAIL_ADDRESS_[0-9A-Z]+|[\w.]+@[\w.]+\w")
_USAGE = {"input_tokens": 10, "output_tokens": 10, "total_tokens": 20}


@dataclass(frozen=True, slots=True)
class Task:
    """Where the agent works."""

    directory: Path

    @property
    def given(self) -> Path:
        return self.directory / "customers.txt"

    @property
    def mailed(self) -> Path:
        """What the tool writes that is called with an address out of the file."""
        return self.directory / "mailed.txt"

    @property
    def written(self) -> Path:
        return self.directory / "report.txt"


class ScriptedProvider(Provider):
    """The double, for the length of a ``with`` block."""

    def __init__(self, task: Task, **options: Any) -> None:
        super().__init__(**options)
        # Real providers' certificates name no addresses, and BoringSSL knows no constraints on those.
        self._context = ThrowawayCa(self.ca.parent).server_context(list(HOSTS), ["http/1.1"])
        self.task = task
        self.read = ""
        """The file's text as it arrived here."""
        self.steps = 0

    def _reply(self, request: Request, manner: Manner) -> Reply:
        body = json.loads(request.body) if request.method == "POST" and request.body else {}
        if request.path == "/v1/messages" and any(tool.get("name") == "Read" for tool in body.get("tools") or []):
            return self._messages(body, manner)
        if request.path == "/v1/responses" and body.get("input"):
            return self._responses(body)
        return super()._reply(request, manner)

    def _messages(self, body: Mapping[str, Any], manner: Manner) -> Reply:
        parts = [part for one in body["messages"] if isinstance(one["content"], list) for part in one["content"]]
        results = [words_of(part.get("content")) for part in parts if part.get("type") == "tool_result"]
        if len(results) == 1:
            self.read = "\n".join(_NUMBERED.findall(results[0]))
        self.steps = max(self.steps, len(results))
        task = self.task
        match len(results):
            case 0:
                block = _use("Read", file_path=str(task.given))
            case 1:
                block = _use("Bash", command=self._mail(), description="Note the address")
            case 2:
                block = _use("Write", file_path=str(task.written), content=self.read)
            case _:
                block = {"type": "text", "text": f"Done: {self.read}"}
        whole = {
            "id": self._ids.new("msg_"),
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [{**block, "id": self._ids.new("toolu_")} if block["type"] == "tool_use" else block],
            "stop_reason": block["type"] if block["type"] == "tool_use" else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 10},
        }
        if not body.get("stream"):
            return Reply(200, [dump(whole)])
        return Reply(200, list(anthropic_messages.stream_events(whole, manner)), EVENTS, stream=True)

    def _responses(self, body: Mapping[str, Any]) -> Reply:
        results = [words_of(item.get("output")) for item in body["input"] if item.get("type", "").endswith("_output")]
        if len(results) == 1:
            found = _BETWEEN.search(results[0])
            self.read = found[1] if found is not None else ""
        self.steps = max(self.steps, len(results))
        task = self.task
        match len(results):
            case 0:
                item = self._script(_shell(f"echo BEGIN; cat {task.given}; echo END"))
            case 1:
                item = self._script(_shell(self._mail()))
            case 2:
                lines = "".join(f"+{line}\n" for line in self.read.splitlines())
                patch = f"*** Begin Patch\n*** Add File: {task.written.name}\n{lines}*** End Patch"
                item = self._script(f"text(await tools.apply_patch({json.dumps(patch, ensure_ascii=False)}));")
            case _:
                said = {"type": "output_text", "text": f"Done: {self.read}", "annotations": [], "logprobs": []}
                item = {"id": self._ids.new("msg_"), "type": "message", "role": "assistant", "status": "completed"}
                item["content"] = [said]
        done = {
            "id": self._ids.new("resp_"),
            "object": "response",
            "created_at": CREATED,
            "status": "completed",
            "model": body["model"],
            "output": [item],
            "usage": _USAGE,
        }
        return Reply(200, [event(data, name) for name, data in whole_stream(done, 5)], EVENTS, stream=True)

    def _mail(self) -> str:
        """A command that is called with the address in the file."""
        found = _EMAIL.search(self.read)
        return f"printf %s '{found[0] if found else ''}' > {self.task.mailed}"

    def _script(self, code: str) -> dict[str, Any]:
        called = {"type": "custom_tool_call", "namespace": "functions", "name": "exec", "status": "completed"}
        return {"id": self._ids.new("ctc_"), "call_id": self._ids.new("call_"), **called, "input": code}


def _use(name: str, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "name": name, "input": given}


def _shell(command: str) -> str:
    return f"const r = await tools.exec_command({{cmd: {json.dumps(command, ensure_ascii=False)}}}); text(r.output);"
