"""Others' labels: schemes undone, names mapped, and what maps to nothing is an error that helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import ModelError
from models.ner import pull_labels
from models.ner.labels import LABELS


@pytest.mark.parametrize(
    ("label", "parsed"),
    [
        ("O", ("", "O")),
        ("B-PER", ("B", "PER")),
        ("I-private_person", ("I", "private_person")),
        ("E-CITY", ("I", "CITY")),
        ("L-CITY", ("I", "CITY")),
        ("S-CITY", ("B", "CITY")),
        ("U-CITY", ("B", "CITY")),
        ("b_name", ("B", "name")),
        ("EMAIL", ("", "EMAIL")),
        ("ID_CARD", ("", "ID_CARD")),
    ],
)
def test_schemes_are_undone(label: str, parsed: tuple[str, str]) -> None:
    assert pull_labels.parse(label) == parsed


def test_bio_and_bioes_give_begin_and_continue() -> None:
    bio = pull_labels.mapping(["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-MISC", "I-MISC"], {})
    assert bio.labels == ("PERSON", "LOCATION")
    assert bio.columns == (0, 1, 2, 3, 4, 0, 0)
    bioes = pull_labels.mapping(["B-GIVENNAME", "E-GIVENNAME", "I-SURNAME", "O", "S-SURNAME"], {})
    assert bioes.labels == ("PERSON",)
    assert bioes.columns == (1, 2, 2, 0, 1)


def test_without_a_scheme_everything_continues() -> None:
    found = pull_labels.mapping(["O", "private_person", "private_email"], {})
    assert found.labels == ("PERSON", "EMAIL_ADDRESS")
    assert found.columns == (0, 2, 4)


def test_the_user_s_file_goes_before_the_table_and_may_name_either_form(tmp_path: Path) -> None:
    path = tmp_path / "labels.yaml"
    path.write_text("PER: O\nB-RANK: USERNAME\n'gid': ID\nlater: '?'\n", encoding="utf-8")
    given = pull_labels.read(path)
    assert given == {"PER": "O", "B-RANK": "USERNAME", "gid": "ID"}
    found = pull_labels.mapping(["O", "B-PER", "B-RANK", "I-RANK", "I-GID"], given)
    assert found.columns == (0, 0, 1, 2, 4)
    assert found.names == {"PER": "O", "RANK": "USERNAME", "GID": "ID"}


def test_what_maps_to_nothing_is_listed_and_a_file_to_fill_in_is_written(tmp_path: Path) -> None:
    place = tmp_path / "labels.yaml"
    labels = ["O", "B-PER", "I-PER", "B-STARSHIP", "I-STARSHIP", "B-O'TOOL"]
    with pytest.raises(ModelError, match=r"do not map: STARSHIP, O'TOOL; fill in .*labels\.yaml"):
        pull_labels.mapping(labels, {}, place)
    written = place.read_text(encoding="utf-8")
    assert "'STARSHIP': '?'" in written
    assert "'PER': 'PERSON'" in written
    with pytest.raises(ModelError, match=r"map each in .*labels\.yaml"):
        pull_labels.mapping(labels, pull_labels.read(place), place)
    place.write_text(written.replace("'?'", "O"), encoding="utf-8")
    assert pull_labels.mapping(labels, pull_labels.read(place), place).labels == ("PERSON",)


@pytest.mark.parametrize(
    ("labels", "given", "message"),
    [
        (["O"], {}, "fewer than two labels"),
        (["O", "B-MISC"], {}, "every label of the model maps to O"),
        (["B-PER", "I-PER"], {}, "no label for 'outside'"),
        (["O", "B-PER"], {"PER": "HUMAN"}, "maps to HUMAN"),
        (["LABEL_0", "LABEL_1"], {}, "do not map: LABEL_0, LABEL_1; give a labels file"),
    ],
)
def test_models_that_would_find_nothing_or_everything_are_refused(
    labels: list[str], given: dict[str, str], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        pull_labels.mapping(labels, given)


@pytest.mark.parametrize("content", ["- a\n", "a: 1\n", "a: [", "\tx"])
def test_files_that_are_no_mapping_are_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "labels.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"labels\.yaml"):
        pull_labels.read(path)


def test_every_target_of_the_table_is_one_that_may_be_named() -> None:
    lines = pull_labels.KNOWN.read_text(encoding="utf-8").splitlines()
    targets = {line.split(": ")[0] for line in lines if not line.startswith("#")}
    assert targets <= {*pull_labels.ENTITIES, "O"}
    names = [name for line in lines if not line.startswith("#") for name in line.split(": ")[1].split()]
    assert len(names) == len(set(names))
    assert set(LABELS) <= targets
