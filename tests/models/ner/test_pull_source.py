"""Foreign models before anything is loaded: no pickles, no code, nothing that would not run; the hub when named."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE, WordLevel
from tokenizers.processors import TemplateProcessing

from models.errors import ModelError
from models.ner.pull import Wish, check_offsets, pull
from models.ner.pull_source import KINDS, open_source
from models.registry import Encoding

Make = Callable[..., Path]


@pytest.fixture
def foreign_folder(tmp_path: Path) -> Make:
    def make(**changes: Any) -> Path:
        folder = tmp_path / "theirs"
        folder.mkdir(exist_ok=True)
        config = {
            "model_type": "bert",
            "id2label": {"0": "O", "1": "B-PER", "2": "I-PER"},
            "max_position_embeddings": 64,
            "pad_token_id": 2,
        }
        (folder / "config.json").write_text(json.dumps({**config, **changes}), encoding="utf-8")
        (folder / "model.safetensors").write_bytes(b"never read here")
        tokenizer = Tokenizer(WordLevel({"[CLS]": 0, "[SEP]": 1, "[PAD]": 2, "a": 3, "[UNK]": 4}, unk_token="[UNK]"))
        tokenizer.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
        )
        tokenizer.save(str(folder / "tokenizer.json"))
        (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# Theirs\n", encoding="utf-8")
        return folder

    return make


def test_a_folder_is_read_for_what_the_manifest_needs(foreign_folder: Make, tmp_path: Path) -> None:
    source = open_source(str(foreign_folder()), tmp_path)
    assert (source.kind, source.labels, source.longest) == ("bert", ("O", "B-PER", "I-PER"), 64)
    assert (source.origin, source.licence) == ("theirs", "apache-2.0")
    assert source.encoding == Encoding(False, "[CLS]", "[SEP]", "[PAD]")
    assert source.encoder().encode("a").ids.tolist() == [3]
    assert open_source(str(foreign_folder(model_type="xlm-roberta")), tmp_path).longest == 62


def _without(name: str, folder: Path) -> Path:
    (folder / name).unlink()
    return folder


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_missing_files_are_named(foreign_folder: Make, tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=f"has no {name}"):
        open_source(str(_without(name, foreign_folder())), tmp_path)


def test_pickles_are_refused(foreign_folder: Make, tmp_path: Path) -> None:
    folder = _without("model.safetensors", foreign_folder())
    (folder / "pytorch_model.bin").write_bytes(b"\x80")
    with pytest.raises(ModelError, match=r"only pytorch_model\.bin, a pickle"):
        open_source(str(folder), tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"auto_map": {"AutoModel": "code.Net"}}, "needs code of its own"),
        ({"model_type": "t5"}, "kind 't5', which is not supported: bert"),
        ({"id2label": None}, "names no labels"),
        ({"id2label": {"1": "O", "2": "B-PER"}}, "does not number the labels"),
    ],
)
def test_models_that_cannot_run_are_refused(
    foreign_folder: Make, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        open_source(str(foreign_folder(**changes)), tmp_path)


def test_gliner_is_recognized(foreign_folder: Make, tmp_path: Path) -> None:
    folder = foreign_folder()
    (folder / "gliner_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="is a GLiNER model"):
        open_source(str(folder), tmp_path)


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_broken_config_is_named(foreign_folder: Make, tmp_path: Path, content: str) -> None:
    folder = foreign_folder()
    (folder / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json"):
        open_source(str(folder), tmp_path)


def test_tokenizers_that_mark_texts_otherwise_are_refused(foreign_folder: Make, tmp_path: Path) -> None:
    folder = foreign_folder()
    tokenizer = Tokenizer(WordLevel({"a": 0}, unk_token="a"))
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(ModelError, match="one mark before and one behind"):
        open_source(str(folder), tmp_path)


def test_what_is_neither_folder_nor_hub_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="neither a folder nor a hub id"):
        open_source("./missing/folder/here", tmp_path)


def test_the_hub_is_asked_for_safe_files_of_one_revision(
    foreign_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def snapshot_download(hub_id: str, **wishes: Any) -> str:
        asked.append({"hub_id": hub_id, **wishes})
        return str(foreign_folder())

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=snapshot_download))
    source = open_source("example/names", tmp_path / "space", "abc123")
    assert source.origin == "example/names@theirs"
    (wishes,) = asked
    assert (wishes["hub_id"], wishes["revision"], wishes["cache_dir"]) == (
        "example/names",
        "abc123",
        tmp_path / "space",
    )
    assert not any(pattern.endswith((".bin", ".py", ".pt", ".pkl")) for pattern in wishes["allow_patterns"])


def test_a_hub_out_of_reach_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(*_: object, **__: object) -> str:
        raise ConnectionError("proxy refused https://secret.example.com")

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=snapshot_download))
    with pytest.raises(
        ModelError, match=r"cannot fetch example/names .*\(ConnectionError\).*give their folder"
    ) as caught:
        open_source("example/names", tmp_path)
    assert "secret" not in str(caught.value)


def test_nothing_is_left_behind_when_a_label_does_not_map(
    foreign_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = foreign_folder(id2label={"0": "O", "1": "B-STARSHIP"})
    with pytest.raises(ModelError, match=r"STARSHIP; fill in theirs\.labels\.yaml"):
        pull(str(folder), Wish(to=tmp_path / "models"), lambda _: None)
    assert list((tmp_path / "models").iterdir()) == []
    assert (tmp_path / "theirs.labels.yaml").is_file()


def test_an_installed_model_is_not_overwritten_unasked(foreign_folder: Make, tmp_path: Path) -> None:
    (tmp_path / "models" / "theirs").mkdir(parents=True)
    with pytest.raises(ModelError, match=r"theirs exists: give another --name, or --replace"):
        pull(str(foreign_folder()), Wish(to=tmp_path / "models"), lambda _: None)
    for name in ("..", "a/b", ".hidden"):
        with pytest.raises(ModelError, match="cannot be a model's name"):
            pull(str(foreign_folder()), Wish(name=name, to=tmp_path / "models"), lambda _: None)


def test_a_tokenizer_that_leaves_letters_out_is_refused(foreign_folder: Make, tmp_path: Path) -> None:
    encoder = open_source(str(foreign_folder()), tmp_path).encoder()
    check_offsets(encoder, ["a", "b"])
    encoder._tokenizer.model = BPE({"[CLS]": 0, "[SEP]": 1, "[PAD]": 2, "a": 3}, [])
    with pytest.raises(ModelError, match="leaves out"):
        check_offsets(encoder, ["abc"])


def test_every_supported_kind_is_tried_by_the_check_that_needs_torch() -> None:
    script = (Path(__file__).parents[1] / "with_torch.py").read_text(encoding="utf-8")
    assert all(f'"{kind}": (' in script for kind in KINDS)
