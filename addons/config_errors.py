"""What is wrong with a configuration, said so that one can put it right.

One line each: ``file:line:column: key path: what is wrong; what would be right``.

Rules for this file: no text of a value ever enters a message; values may be secrets. Key names may, they are words of
the schema or near misses of them. Imports nothing of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

KeyPath = tuple[str | int, ...]
"""``("policy", "rules", 0, "to")``."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a file with a line and column (from 1), or a name such as an environment variable's."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    place: Place
    path: KeyPath
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {key_path(self.path)}: {self.message}" if self.path else f"{self.place}: {self.message}"


class SettingsError(Exception):
    """The configuration cannot be used. ``problems`` has everything that was found at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.render())

    def render(self) -> str:
        """One line for each problem, in the order of the file."""
        ordered = sorted(self.problems, key=lambda one: (one.place.source, one.place.line or 0, one.place.column or 0))
        return "\n".join(str(problem) for problem in ordered)


def key_path(path: KeyPath) -> str:
    """``policy.rules[0].to``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def nearest(word: object, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that was probably meant."""
    found = difflib.get_close_matches(str(word).lower(), {name.lower(): name for name in known}, n=1, cutoff=cutoff)
    return next((name for name in known if found and name.lower() == found[0]), None)


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """``; did you mean `mask`?``, or nothing if no known word is near."""
    meant = nearest(word, tuple(known))
    return f"; did you mean `{meant}`?" if meant else ""


_PLAIN: dict[str, str] = {
    "missing": "is missing",
    "string_type": "should be text",
    "string_too_short": "should not be empty",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "finite_number": "should be a finite number",
    "dict_type": "should be a mapping of keys to values",
    "model_type": "should be a mapping of keys to values",
    "model_attributes_type": "should be a mapping of keys to values",
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "set_type": "should be a list",
    "frozen_set_type": "should be a list",
    "path_type": "should be a file path",
    "too_short": "should not be empty; leave it out if it is not meant",
}
_BOUNDS = {
    "greater_than_equal": ("should be at least", "ge"),
    "greater_than": ("should be more than", "gt"),
    "less_than_equal": ("should be at most", "le"),
    "less_than": ("should be less than", "lt"),
    "string_too_long": ("should have no more characters than", "max_length"),
}
_NAMES_ALLOWED = {
    r"^[A-Z][A-Z0-9_]*$": "should be an entity name in capitals, such as `PERSON`",
    r"^[A-Za-z][A-Za-z0-9_-]*$": "should be a name of letters, digits, `_` and `-`",
    r"^[A-Za-z_][\w.-]*(:[A-Za-z_][\w.]*)?$": "should be `package.module:attribute`, or the name of an entry point",
    r"^[A-Z0-9_*?]+$": "should be an entity name in capitals, such as `PERSON` or `CN_*`",
    r"^[a-z0-9][a-z0-9_-]*$": "should be a name of small letters, digits, `_` and `-`",
}


def explain(
    error: ValidationError,
    place: Callable[[KeyPath, bool], Place],
    written: Callable[[KeyPath], KeyPath],
    siblings: Callable[[KeyPath], Iterable[str]],
) -> list[Problem]:
    """Pydantic's errors in our words.

    ``place(path, key)`` says where a path's value (or its key) stands; ``written(path)`` how much of the path is really
    in the file (short forms unfold to more); ``siblings(path)`` which keys are right there.
    """
    found = error.errors(include_url=False, include_context=True, include_input=True)
    # Items that are wrong are not counted, so that their list seems too short as well.
    parents = {details["loc"][:-1] for details in found}
    relevant = [details for details in found if details["type"] != "too_short" or details["loc"] not in parents]
    # A short form that unfolds to several keys is wrong only once.
    return list(dict.fromkeys(_problem(details, place, written, siblings) for details in relevant))


def _problem(
    details: ErrorDetails,
    place: Callable[[KeyPath, bool], Place],
    written: Callable[[KeyPath], KeyPath],
    siblings: Callable[[KeyPath], Iterable[str]],
) -> Problem:
    kind, context = details["type"], details.get("ctx", {})
    path: KeyPath = details["loc"]
    about_key = kind == "extra_forbidden"
    if path and path[-1] == "[key]":
        path, about_key = path[:-1], True
    if kind == "extra_forbidden":
        known = sorted(siblings(path[:-1]))
        message = "unknown key" + (
            did_you_mean(path[-1], known) or (f"; known here: {', '.join(known)}" if known else "")
        )
    elif kind == "missing":
        message = f"is missing{_given_parent(path)}"
    elif kind in _PLAIN:
        message = _PLAIN[kind]
    elif kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        message = f"{words} {context[bound]}"
    elif kind in {"literal_error", "enum"}:
        expected = str(context["expected"])
        choices = expected.replace("'", "").replace(" or ", ", ").split(", ")
        message = f"should be {expected.replace(chr(39), '`')}{did_you_mean(details['input'], choices)}"
    elif kind == "string_pattern_mismatch":
        message = _NAMES_ALLOWED.get(str(context["pattern"]), "has characters that are not allowed here")
    elif kind == "value_error":
        message = str(context["error"])
    else:
        # Pydantic's own wording of the remaining kinds tells what is expected and does not repeat the input; but that
        # is not promised, so only the kind is told.
        message = f"is not valid ({kind.replace('_', ' ')})"
    if kind != "missing":
        path = written(path)
    return Problem(place(path, about_key), path, message)


def _given_parent(path: KeyPath) -> str:
    return f"; add `{path[-1]}:`" if path and isinstance(path[-1], str) else ""
