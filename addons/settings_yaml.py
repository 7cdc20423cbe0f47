"""A YAML file as plain values, with the line and column of each.

Rules for this file: YAML 1.2 through ruamel's composer, so that every key and value keeps its mark and every repeated
key is seen. Knows nothing of the settings. No value enters an error.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from addons.config_errors import KeyPath, Place, Problem, SettingsError

MAX_NODES = 100_000
"""Aliases are followed; a file that unfolds to more nodes than this is refused."""
MAX_DEPTH = 50

_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"|`([^`]*)`")
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp"))
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Document:
    """A file's values and where they stand."""

    source: str
    data: dict[str, object]
    keys: Mapping[KeyPath, Place] = field(default_factory=dict)
    values: Mapping[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath, key: bool = False) -> Place:
        """Where ``path`` stands; where it stands not, the nearest thing around it."""
        if key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), 0, -1):
            if path[:length] in self.values:
                # A missing key is best shown at the key of the mapping that lacks it.
                shown = self.keys if length < len(path) and path[:length] in self.keys else self.values
                return shown[path[:length]]
        return Place(self.source, 1, 1)


def read_document(text: str, source: str) -> Document:
    """The one mapping that ``text`` holds (empty if the text is). Raises SettingsError with all repeated keys."""
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(source) if mark is None else Place(source, mark.line + 1, mark.column + 1)
        words = _QUOTED.sub(_unquoted, error.problem or error.context or "cannot be read")
        raise SettingsError([Problem(place, (), f"not valid YAML: {words}")]) from None
    except YAMLError:
        raise SettingsError(
            [Problem(Place(source), (), "not valid YAML: holds characters that may not occur")]
        ) from None
    if root is None or (isinstance(root, ScalarNode) and str(root.tag).endswith(":null")):
        return Document(source, {})
    if not isinstance(root, MappingNode):
        raise SettingsError([Problem(_place(source, root), (), "should be a mapping: lines of `key: value`")])
    reader = _Reader(source, yaml.constructor)
    data = reader.mapping(root, ())
    if reader.problems:
        raise SettingsError(reader.problems)
    return Document(source, data, reader.keys, reader.values)


def _unquoted(match: re.Match[str]) -> str:
    """A single character that the parser stumbled over may be shown; anything longer may be part of a value."""
    return match[0] if len(match[0]) <= 3 else "…"


def _place(source: str, node: Node) -> Place:
    return Place(source, node.start_mark.line + 1, node.start_mark.column + 1)


class _Reader:
    """Walks the node tree once."""

    def __init__(self, source: str, scalars: SafeConstructor) -> None:
        self.source = source
        self.keys: dict[KeyPath, Place] = {}
        self.values: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []
        self._scalars = scalars
        self._nodes = 0

    def value(self, node: Node, path: KeyPath) -> object:
        self._nodes += 1
        self.values[path] = _place(self.source, node)
        if self._nodes > MAX_NODES or len(path) > MAX_DEPTH:
            message = "is nested too deeply, or unfolds to too many values (an alias that contains itself?)"
            raise SettingsError([Problem(self.values[path], path[:4], message)])
        if isinstance(node, MappingNode):
            return self.mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if str(node.tag) not in _PLAIN_TAGS:
            self._wrong(node, path, "has a tag that is not allowed here; write the plain value")
            return None
        if str(node.tag).endswith(":timestamp"):
            return str(node.value)
        try:
            return self._scalars.construct_object(node)
        except (YAMLError, ValueError):
            self._wrong(node, path, "cannot be read as what its tag says")
            return None

    def mapping(self, node: MappingNode, path: KeyPath) -> dict[str, object]:
        data: dict[str, object] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            if str(key_node.tag) == _MERGE:
                merged.append(value_node)
                continue
            if not isinstance(key_node, ScalarNode):
                self._wrong(key_node, path, "a key should be a plain word")
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in data:
                first = self.keys[here].line
                self._wrong(key_node, here, f"is given twice (first in line {first}); remove one")
                continue
            self.keys[here] = _place(self.source, key_node)
            data[key] = self.value(value_node, here)
        for other in merged:
            self._merge(other, path, data)
        return data

    def _merge(self, node: Node, path: KeyPath, data: dict[str, object]) -> None:
        """``<<: *alias``: what the alias has and this mapping has not."""
        sources: Sequence[Node] = node.value if isinstance(node, SequenceNode) else [node]
        for source in sources:
            if not isinstance(source, MappingNode):
                self._wrong(source, path, "`<<` should name a mapping")
                continue
            for key_node, value_node in source.value:
                key = str(key_node.value)
                if isinstance(key_node, ScalarNode) and str(key_node.tag) != _MERGE and key not in data:
                    self.keys[(*path, key)] = _place(self.source, key_node)
                    data[key] = self.value(value_node, (*path, key))

    def _wrong(self, node: Node, path: KeyPath, message: str) -> None:
        self.problems.append(Problem(_place(self.source, node), path, message))
