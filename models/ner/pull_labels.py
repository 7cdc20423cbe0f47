"""Other models' labels to ours: schemes (BIO, BIOES, BILOU, none) undone, names mapped. Pure; imports ``errors``.

Nothing is guessed: a label that neither the table below nor the user's file names is an error, because a label that
quietly became "outside" would let through what the model finds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.errors import ModelError
from models.ner.labels import LABELS, OUTSIDE

ENTITIES: Final = (
    *LABELS,
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "URL",
    "IP_ADDRESS",
    "MAC_ADDRESS",
    "CREDIT_CARD",
    "BANK_ACCOUNT",
    "IBAN_CODE",
    "SECRET",
    "VIN",
    "LICENSE_PLATE",
)
"""What a label may become: the labels of Coatcheck's own model, and entities that its patterns know too."""

_EDGE = re.compile(r"(?P<edge>[BIESLUM])[-_](?P<name>.+)", re.IGNORECASE)
_BEGINS = frozenset("BSU")

KNOWN: Final = Path(__file__).with_name("pull_labels.txt")
"""Ours, then the names that others give it."""


@dataclass(frozen=True, slots=True)
class LabelMap:
    """How a foreign network's outputs become ours."""

    labels: tuple[str, ...]
    """Our labels that occur, in our order."""
    columns: tuple[int, ...]
    """For each foreign output the place in ours: 0 outside, ``1 + 2 * label`` begin, ``2 + 2 * label`` continue."""
    names: dict[str, str]
    """Foreign name, without its edge, to ours or ``O``: what a labels file would hold."""


def parse(label: str) -> tuple[str, str]:
    """Edge (``B``, ``I`` or empty) and name of a foreign label; ``("", "O")`` for outside."""
    if label.upper() in ("O", "OUTSIDE", "PAD"):
        return "", OUTSIDE
    found = _EDGE.fullmatch(label)
    if found is None:
        return "", label
    return ("B" if found["edge"].upper() in _BEGINS else "I"), found["name"]


def mapping(labels: Sequence[str], given: Mapping[str, str], place: Path | None = None) -> LabelMap:
    """Map all of a network's labels, in the order of its outputs.

    ``given``: the user's own mapping, by label or by name without its edge; it goes before the table. Raises
    :class:`ModelError` that lists what maps to nothing, and writes a file to fill in to ``place`` if given.
    """
    if len(labels) < 2:
        raise ModelError("the model's config.json names fewer than two labels: it is no token classifier")
    parsed = [parse(label) for label in labels]
    found = names([name for _, name in parsed if name != OUTSIDE], given, place, labels)
    ours = tuple(entity for entity in ENTITIES if entity in found.values())
    if not ours:
        raise ModelError("every label of the model maps to O: it would find nothing")
    if all(name != OUTSIDE for _, name in parsed):
        raise ModelError("the model has no label for 'outside' (O): it would find something everywhere")
    columns = []
    for edge, name in parsed:
        target = found.get(name, OUTSIDE)
        columns.append(0 if target == OUTSIDE else (1 if edge == "B" else 2) + 2 * ours.index(target))
    return LabelMap(ours, tuple(columns), found)


def names(
    found: Sequence[str], given: Mapping[str, str], place: Path | None = None, labels: Sequence[str] = ()
) -> dict[str, str]:
    """Each name of ``found`` to ours or ``O``; ``given`` may also name one of ``labels``, names with their edges.

    Raises as :func:`mapping` does.
    """
    bad = sorted({target for target in given.values() if target not in (*ENTITIES, OUTSIDE)})
    if bad:
        raise ModelError(f"the labels file maps to {', '.join(bad)}: use {OUTSIDE} or one of {', '.join(ENTITIES)}")
    wanted = {_plain(name): target for name, target in given.items()}
    whole = {parse(label)[1]: wanted[_plain(label)] for label in labels if _plain(label) in wanted}
    known = _known()
    mapped: dict[str, str] = {}
    unknown: list[str] = []
    for name in dict.fromkeys(found):
        target = whole.get(name) or wanted.get(_plain(name)) or known.get(_plain(name))
        if target:
            mapped[name] = target
        else:
            unknown.append(name)
    if unknown:
        raise ModelError(_complaint(unknown, mapped, place))
    return mapped


def read(path: Path) -> dict[str, str]:
    """A labels file: YAML, foreign name to ours. Raises :class:`ModelError`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ModelError(f"cannot read {path}: {type(error).__name__}") from None
    if not isinstance(content, dict) or not all(isinstance(part, str) for pair in content.items() for part in pair):
        raise ModelError(f"{path} is not a labels file: give one 'THEIR_LABEL: OURS' a line")
    return {str(name): str(target) for name, target in content.items() if target != "?"}


def _known() -> dict[str, str]:
    lines = KNOWN.read_text(encoding="utf-8").splitlines()
    pairs = [line.split(": ") for line in lines if not line.startswith("#")]
    return {name: ours for ours, theirs in pairs for name in theirs.split()}


def _plain(name: str) -> str:
    return re.sub(r"[^0-9A-Z\u0080-\U0010ffff]", "", name.upper())


def _complaint(unknown: Sequence[str], known: Mapping[str, str], place: Path | None) -> str:
    listed = ", ".join(unknown)
    allowed = f"{OUTSIDE} or one of {', '.join(ENTITIES)}"
    if place is None:
        return f"labels that do not map: {listed}; give a labels file (--labels) that maps each to {allowed}"
    if place.exists():
        return f"labels that do not map: {listed}; map each in {place} to {allowed}"
    lines = [f"# Theirs: ours. Replace each ? by {allowed}."]
    lines += [f"{_quoted(name)}: '?'" for name in unknown]
    lines += [f"{_quoted(name)}: {_quoted(target)}" for name, target in known.items()]
    place.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"labels that do not map: {listed}; fill in {place}, which was written now, and give it as --labels"


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
