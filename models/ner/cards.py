"""Writes a model's card: what it is, what it was trained on, under which licences, and how well it does. Pure.

All of it from files: the manifest, the counts that ``models data`` left, and the JSON of ``models evaluate``; what only
people know (limits, remarks) comes from a file of theirs. Imports ``registry``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models import registry
from models.errors import ModelError

_TABLE: Final = Path(__file__).with_name("sources.tsv")
SHARE_ALIKE: Final = "CC-BY-SA-4.0"

_OURS: Final = {
    "templates": "templates filled with made-up values (Faker, MIT, and own lists)",
    "negatives": (
        "text without personal data: made-up logs, records and tables, Python's standard library (PSF licence)"
    ),
    **{
        path.stem: f"hand-marked prompts of this project ({path.stem}), with variants"
        for path in Path(__file__).with_name("prompts").glob("*.txt")
    },
}


@dataclass(frozen=True, slots=True)
class OpenSet:
    """An open set that a model may be trained on."""

    title: str
    licence: str
    share_alike: bool
    attribution: str


def open_sets() -> dict[str, OpenSet]:
    """The open sets whose licences are known, by the name of their file."""
    lines = [line.split("\t") for line in _TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {name: OpenSet(title, licence, alike == "yes", by) for name, title, licence, alike, by in lines}


def licence_for(data: Mapping[str, int]) -> str:
    """The licence that weights trained on these sources carry: share-alike as soon as one of them is."""
    known = open_sets()
    return SHARE_ALIKE if any(name in known and known[name].share_alike for name in data) else "Apache-2.0"


def render(model: registry.Model, scores: Mapping[str, Any] | None = None, notes: str = "") -> str:
    """The card as Markdown. ``scores``: what ``models evaluate --json`` wrote."""
    manifest = json.loads((model.folder / registry.MANIFEST).read_text(encoding="utf-8"))
    parts = [f"# {model.name}", "", *_facts(model, manifest), "", *_data(manifest.get("data"))]
    if scores:
        parts += ["## Scores", "", *_scores(scores)]
    if notes:
        parts += [notes.strip(), ""]
    return "\n".join(parts)


def _facts(model: registry.Model, manifest: Mapping[str, Any]) -> Iterator[str]:
    yield f"- **Version**: {model.version}"
    yield f"- **Labels**: {', '.join(model.labels)}"
    yield f"- **Licence of these weights**: {model.licence}"
    yield f"- **Windows**: {model.max_tokens} tokens, {model.overlap} shared"
    yield f"- **Threshold**: {model.threshold:g}, temperature {model.temperature:g}"
    if "base" in manifest:
        yield f"- **Made from**: {manifest['base']}"
    if "pulled" in manifest:
        yield f"- **Pulled from**: {manifest['pulled']['origin']}; Coatcheck did not train it"
    names = {provider: device for device, provider in registry.PROVIDERS.items()}
    for provider, artifact in model.variants.items():
        size = f"{artifact.size / 1e6:.1f} MB"
        yield f"- **{names.get(provider, provider)}**: `{artifact.path.name}`, {size}, sha256 `{artifact.sha256}`"
    if model.gate:
        yield f"- **Gate**: `{model.gate.path.name}`, {model.gate.size / 1e6:.1f} MB, opens at {model.gate_threshold:g}"


def _data(data: Mapping[str, int] | None) -> Iterator[str]:
    if not data:
        return
    known = open_sets()
    yield from ("## Data", "", "| source | texts | licence | attribution |", "| --- | ---: | --- | --- |")
    for name, count in sorted(data.items(), key=lambda pair: (pair[0] not in known, pair[0])):
        found = known.get(name)
        if found:
            alike = ", **share-alike**" if found.share_alike else ""
            yield f"| {found.title} | {count:,} | {found.licence}{alike} | {found.attribution} |"
        else:
            yield f"| {_OURS.get(name, name)} | {count:,} | | |"
    yield ""


def _scores(scores: Mapping[str, Any]) -> Iterator[str]:
    """Each set's figures for the first detector measured, by language, with 95 % intervals."""
    try:
        for measured in scores["sets"]:
            detector = measured["detectors"][0]
            extent = f"{measured['records']} texts, {measured['characters']:,} characters"
            yield f"### {measured['name']}: {extent}, {detector['name']}"
            yield from ("", "| figure | language | value | 95 % interval | aim |", "| --- | --- | ---: | --- | --- |")
            for language, found in detector["languages"].items():
                for figure in found["figures"]:
                    yield (
                        f"| {figure['name']} | {language} | {figure['value']:.1f} | "
                        f"{figure['low']:.1f} to {figure['high']:.1f} | {figure['aim']} |"
                    )
            for kind, speed in detector.get("characters_per_second", {}).items():
                yield f"| characters a second, {kind} | | {speed:,} | | |"
            yield ""
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise ModelError(
            f"the scores are not what 'coatcheck models evaluate --json' writes: {type(error).__name__} {error}"
        ) from None
