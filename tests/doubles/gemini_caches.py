"""Gemini's ``cachedContents`` as they look on the wire: what a provider keeps, and begins later requests with. Pure.

Shapes from the types of the ``google-genai`` package and the REST reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.doubles.formats import ApiError, Ids, dump
from tests.doubles.http1 import Reply
from tests.doubles.manner import Manner

PATH = re.compile(r"(?P<parent>.*/)?cachedContents(?:/(?P<key>[\w.-]+))?")
_TIME = "2026-11-24T00:00:00.000000Z"


class Caches:
    """The contents that one provider keeps."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    def answered(self, method: str, path: str, body: Mapping[str, Any], manner: Manner, ids: Ids) -> Reply:
        """The reply to a method of ``cachedContents``. Raises ApiError as the provider would."""
        found = PATH.fullmatch(path)
        assert found is not None
        key = found["key"]
        if method == "POST" and not key:
            key = ids.new("cache-")
            project = (found["parent"] or "").partition("projects/")[2]
            # Vertex answers with the project's number
            parent = f"projects/123456/{project.partition('/')[2]}" if project else ""
            self.kept[key] = {**body, "name": f"{parent}cachedContents/{key}"}
            return _reply(self._stated(key), manner)
        if method == "GET" and not key:
            return _reply({"cachedContents": [self._stated(one) for one in self.kept]}, manner)
        if key not in self.kept:
            raise ApiError(403, f"CachedContent not found (or permission denied): {key}")
        if method == "DELETE":
            del self.kept[key]
            return _reply({}, manner)
        if method == "PATCH":
            self.kept[key] |= {name: value for name, value in body.items() if name in ("ttl", "expireTime")}
        return _reply(self._stated(key), manner)

    def _stated(self, key: str) -> dict[str, Any]:
        kept = self.kept[key]
        told = {name: kept[name] for name in ("name", "model", "displayName") if name in kept}
        return told | {"createTime": _TIME, "updateTime": _TIME, "expireTime": kept.get("expireTime", _TIME)}

    def begun(self, body: dict[str, Any]) -> dict[str, Any]:
        """A request that names cached contents, with them in its question. Raises ApiError as the provider would."""
        name = body.get("cachedContent")
        if not name:
            return body
        kept = self.kept.get(str(name).rpartition("/")[2])
        if kept is None:
            raise ApiError(403, "CachedContent not found (or permission denied)")
        said = [part for content in kept.get("contents") or [] for part in content["parts"] if "text" in part]
        said += (kept.get("systemInstruction") or {}).get("parts") or []
        last = body["contents"][-1]
        return {**body, "contents": [*body["contents"][:-1], {**last, "parts": [*said, *last["parts"]]}]}


def _reply(data: Any, manner: Manner) -> Reply:
    return Reply(200, [dump(json.loads(json.dumps(data)), manner.ascii)], "application/json; charset=UTF-8")
