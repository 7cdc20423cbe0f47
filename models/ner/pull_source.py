"""Where a foreign model comes from: a folder, or the Hugging Face hub; checked before anything of it is loaded.

Only ``config.json``, ``tokenizer.json`` and safetensors are used. Pickled weights (``*.bin``, ``*.pt``) and models that
bring their own code are refused: loading either may run anything. The hub is asked only when a command names a hub id.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer

from models.errors import ModelError
from models.ner.foreign import ForeignEncoder
from models.registry import Encoding

FILES: Final = (
    "config.json",
    "tokenizer.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "gliner_config.json",
    "README.md",
)
"""What is fetched from a hub; no pickles, no code."""  # fmt: skip

KINDS: Final = (
    "bert",
    "camembert",
    "deberta",
    "deberta-v2",
    "distilbert",
    "electra",
    "modernbert",
    "roberta",
    "xlm-roberta",
)
"""Architectures (``model_type``) that export and run here; each has a test."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Source:
    """A foreign model's folder, as found."""

    folder: Path
    origin: str
    """What the user named, for the card: a hub id with its revision, or a folder's name."""
    kind: str
    labels: tuple[str, ...]
    """In the order of the outputs."""
    longest: int
    """Tokens that the network can take, marks included."""
    licence: str
    encoding: Encoding

    def encoder(self) -> ForeignEncoder:
        """The tokenizer."""
        return ForeignEncoder.of((self.folder / "tokenizer.json").read_bytes(), self.encoding)


def open_source(wanted: str, workspace: Path, revision: str | None = None) -> Source:
    """A local folder of that name if there is one, else from the hub into ``workspace``. Raises :class:`ModelError`."""
    folder = Path(wanted)
    if folder.is_dir():
        return _check(folder, folder.resolve().name)
    if not _HUB_ID.fullmatch(wanted):
        raise ModelError(f"{wanted} is neither a folder nor a hub id such as 'owner/model'")
    found = _fetch(wanted, workspace, revision)
    return _check(found, f"{wanted}@{found.name[:12]}")


def _fetch(hub_id: str, workspace: Path, revision: str | None) -> Path:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, revision=revision, cache_dir=workspace, allow_patterns=list(FILES)))
    except Exception as error:  # many kinds, of two libraries: no such model, no access, no network, full disk
        raise ModelError(
            f"cannot fetch {hub_id} from the Hugging Face hub ({type(error).__name__}): check the name and the "
            "network, or download config.json, tokenizer.json and *.safetensors elsewhere and give their folder"
        ) from None


def _check(folder: Path, origin: str) -> Source:
    if (folder / "gliner_config.json").is_file():
        raise ModelError(
            f"{origin} is a GLiNER model: it scores spans against prompts instead of labelling tokens, which is not "
            "supported; label texts with it and train on those, or pull a token classifier"
        )
    config = _json(folder / "config.json")
    if "auto_map" in config:
        raise ModelError(f"{origin} needs code of its own (auto_map in config.json): such models are not loaded")
    kind = str(config.get("model_type"))
    if kind not in KINDS:
        raise ModelError(f"{origin} is of the kind {kind!r}, which is not supported: {', '.join(KINDS)} are")
    if not any(folder.glob("*.safetensors")):
        pickles = ", ".join(sorted(path.name for path in folder.glob("*.bin")))
        raise ModelError(
            f"{origin} has no *.safetensors{f' (only {pickles}, a pickle, which could run code)' if pickles else ''}: "
            "ask its owner for safetensors, or convert it where you trust it"
        )
    labels = config.get("id2label")
    if not isinstance(labels, dict) or not labels:
        raise ModelError(f"{origin} names no labels (id2label in config.json): it is no token classifier")
    try:
        ordered = tuple(str(labels[str(number)]) for number in range(len(labels)))
    except KeyError:
        raise ModelError(f"{origin}: id2label in config.json does not number the labels from 0 on") from None
    longest = int(config.get("max_position_embeddings", 512))
    if kind in ("roberta", "xlm-roberta", "camembert"):
        longest -= 2  # positions count from the padding's id on
    return Source(folder, origin, kind, ordered, longest, _licence(folder), _encoding(folder, origin, config))


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent} has no {path.name}: give a folder as transformers saves one") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read {path}: {type(error).__name__}") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path} holds no object")
    return content


def _encoding(folder: Path, origin: str, config: Mapping[str, Any]) -> Encoding:
    """The marks, found by what the tokenizer itself puts around a text: other files may say otherwise."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(
            f"{origin} has no tokenizer.json: load its tokenizer with transformers' AutoTokenizer where sentencepiece "
            "or tiktoken is installed, save it with save_pretrained, and give that folder"
        )
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise ModelError(f"cannot read {path}: {type(error).__name__}") from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    bare, marked = (tokenizer.encode("a", add_special_tokens=marks).tokens for marks in (False, True))
    if len(marked) != len(bare) + 2 or marked[1:-1] != bare:
        raise ModelError(f"{origin}: its tokenizer does not put one mark before and one behind a text, as encoders do")
    number = config.get("pad_token_id")
    pad = tokenizer.id_to_token(number) if isinstance(number, int) else None
    return Encoding(False, marked[0], marked[-1], pad or marked[-1])


def _licence(folder: Path) -> str:
    """What the model's own card says in its YAML head."""
    card = folder / "README.md"
    head = card.read_text(encoding="utf-8", errors="replace")[:4000] if card.is_file() else ""
    found = re.search(r"(?m)\A---\n(?:.*\n)*?license:[ \t]*([\w.+-]+)", head)
    return found[1] if found else "unknown"
