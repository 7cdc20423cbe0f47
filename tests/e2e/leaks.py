"""Search for planted values in everything that left the gateway, however it is encoded."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from tests.doubles.http1 import Request


def strings(value: Any) -> Iterator[str]:
    """All strings of a JSON value, keys too, and those of JSON inside strings."""
    if isinstance(value, str):
        yield value
        try:
            inner = json.loads(value)
        except ValueError:
            return
        if isinstance(inner, dict | list):
            yield from strings(inner)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    else:
        yield str(value)


def readable(request: Request) -> str:
    """All that a provider could read out of a request."""
    texts = [request.raw.decode("utf-8", "replace"), unquote(request.target)]
    if request.body:
        try:
            texts += strings(json.loads(request.body))
        except ValueError:
            texts.append(request.body.decode("utf-8", "replace"))
    for text in list(texts):
        texts += [html.unescape(text), unquote(text)]
        for word in text.split():
            try:
                texts.append(base64.b64decode(word, validate=True).decode("utf-8"))
            except ValueError:
                continue
    return "\n".join(texts)


def leaked(requests: Iterable[Request], values: Iterable[str]) -> list[str]:
    """Which of ``values`` can be read in what the provider received."""
    texts = [readable(request) for request in requests]
    return [value for value in values if any(value in text for text in texts)]
