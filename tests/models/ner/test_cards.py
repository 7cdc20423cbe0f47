"""A card is made of files: manifest, counts by source, figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from models import registry
from models.errors import ModelError
from models.ner import cards

SCORES = {
    "sets": [
        {
            "name": "prompts",
            "records": 12,
            "characters": 3400,
            "detectors": [
                {
                    "name": "toy",
                    "characters_per_second": {"English prose": 40000},
                    "languages": {
                        "en": {"figures": [{"name": "uncovered", "aim": "≤ 2 %", "value": 1.53, "low": 0.2, "high": 3}]}
                    },
                }
            ],
        }
    ]
}


def test_sources_come_with_licence_and_attribution(model_folder: Callable[..., Path]) -> None:
    model = registry.read(model_folder(data={"crossner": 1200, "crm": 30, "templates": 5}, base="toy-encoder (MIT)"))
    text = cards.render(model, SCORES, "## Limits\n\nIt is a toy.\n")
    assert "| CrossNER | 1,200 | MIT for the labels" in text
    assert "**share-alike**" in text
    assert "| crm | 30 | | |" in text
    assert "Faker" in text
    assert "- **Made from**: toy-encoder (MIT)" in text
    assert "### prompts: 12 texts, 3,400 characters, toy" in text
    assert "| uncovered | en | 1.5 | 0.2 to 3.0 | ≤ 2 % |" in text
    assert "| characters a second, English prose | | 40,000 | | |" in text
    assert text.endswith("It is a toy.\n")


def test_a_share_alike_source_decides_the_licence() -> None:
    assert cards.licence_for({"crm": 5, "btc": 9}) == "Apache-2.0"
    assert cards.licence_for({"crm": 5, "uner_zh_gsdsimp": 1}) == "CC-BY-SA-4.0"


@pytest.mark.parametrize("scores", [{}, {"sets": [{}]}, {"sets": [{"detectors": []}]}, {"sets": 3}])
def test_other_json_is_no_scores(model_folder: Callable[..., Path], scores: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="evaluate --json"):
        cards.render(registry.read(model_folder()), scores or {"sets": None})


def test_every_open_set_names_its_licence() -> None:
    assert all(found.licence and found.attribution and found.title for found in cards.open_sets().values())
