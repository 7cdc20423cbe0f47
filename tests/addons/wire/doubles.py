"""A Restoration for codec tests: exact matches only, and a held-back tail like the real one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

VALUES = {"PERSON_K1AAAAAA": 'Maria "Mia" Jansen', "EMAIL_K2BBBBBB": "maria@example.com", "NAME_K3CCCCCC": "王秀英"}


@dataclass
class Restorer:
    as_json: bool = False
    held: str = ""

    def feed(self, text: str) -> str:
        text = self.held + text
        self.held = ""
        for placeholder, value in VALUES.items():
            text = text.replace(placeholder, json.dumps(value, ensure_ascii=False)[1:-1] if self.as_json else value)
        for size in range(min(len(text), 15), 0, -1):
            if any(placeholder.startswith(text[-size:]) for placeholder in VALUES):
                self.held = text[-size:]
                return text[:-size]
        return text

    def flush(self) -> str:
        held, self.held = self.held, ""
        return held


@dataclass
class Restoration:
    made: list[Restorer] = field(default_factory=list)

    def text(self) -> Restorer:
        return self._make(False)

    def json(self) -> Restorer:
        return self._make(True)

    def whole(self, text: str) -> str:
        restorer = Restorer()
        return restorer.feed(text) + restorer.flush()

    def whole_json(self, text: str) -> str:
        restorer = Restorer(as_json=True)
        return restorer.feed(text) + restorer.flush()

    def for_tool(self, name: str, *, hosted: bool) -> Restoration:
        return self

    def _make(self, as_json: bool) -> Restorer:
        self.made.append(Restorer(as_json))
        return self.made[-1]
