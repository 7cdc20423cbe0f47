"""Makes a model folder of a token classifier that others trained. Training only: needs torch and optimum.

Exported by optimum, quantized with constant scales (dynamic scales would let a text's result depend on what else is in
the batch), compared with what it was made from, given our labels, and moved into place only when all that held.
"""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from models import registry
from models.errors import ModelError
from models.ner import gpu, parity, pull_labels, release, samples
from models.ner.export import FP32, export_network
from models.ner.foreign import ForeignEncoder
from models.ner.pull_source import Source, open_source
from models.ner.quantize import INT8, quantize_network
from models.ner.relabel import relabel_file

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What to make of the model."""

    name: str | None = None
    """None: the last part of the hub id or the folder's name."""
    to: Path | None = None
    """The folder of models; None: :func:`models.registry.installed`."""
    labels: Path | None = None
    """The user's labels file."""
    revision: str | None = None
    licence: str | None = None
    precision: str = "auto"
    """``int8``, ``fp32``, or ``auto``: INT8 unless it labels too many tokens otherwise than FP32."""
    devices: tuple[str, ...] = ("cpu",)
    max_tokens: int = 128
    least_agreement: float = 0.98
    """Share of tokens that INT8 must label as FP32 does, 0 to 1."""
    threshold: float = 0.5
    replace: bool = False


def pull(wanted: str, wish: Wish, report: Report) -> registry.Model:
    """Fetch, check, convert and install; returns the installed model. Raises :class:`ModelError`."""
    home = wish.to or registry.installed()
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".pull-", dir=home) as workspace:
        source = open_source(wanted, Path(workspace) / "hub", wish.revision)
        name = wish.name or Path(wanted).resolve().name
        folder = home / name
        if Path(name).name != name or name.startswith("."):
            raise ModelError(f"{name!r} cannot be a model's name: give --name")
        if folder.exists() and not wish.replace:
            raise ModelError(f"{folder} exists: give another --name, or --replace")
        given = pull_labels.read(wish.labels) if wish.labels else {}
        labels = pull_labels.mapping(source.labels, given, wish.labels or Path(f"{name}.labels.yaml"))
        made = Path(workspace) / "model"
        made.mkdir()
        _make(source, labels, wish, name, made, report)
        if folder.exists():
            shutil.rmtree(folder)
        made.replace(folder)
    model = registry.read(folder)
    report(f"installed {folder}: use it as detector.ner.model: {name if wish.to is None else folder}")
    return model


def _make(source: Source, labels: pull_labels.LabelMap, wish: Wish, name: str, made: Path, report: Report) -> None:
    try:
        encoder = source.encoder()
    except ValueError as error:
        raise ModelError(f"{source.origin}: {error}") from None
    texts = samples.texts(None)
    check_offsets(encoder, texts[:200])
    exported = made.parent / "fp32"
    report(f"exporting {source.origin} ({source.kind}, {len(source.labels)} labels)")
    export_network(source.folder, exported)
    # Windows are padded to multiples of 16, which must not pass the positions that the network knows.
    max_tokens = min(wish.max_tokens, source.longest) // 16 * 16
    if not max_tokens:
        raise ModelError(f"{source.origin} takes {source.longest} tokens at most: too few")
    overlap = max_tokens // 6
    names = parity.input_names(exported / FP32)
    sample = list(samples.windows(texts, encoder, max_tokens, overlap, 300, names))
    shutil.copyfile(source.folder / "tokenizer.json", made / "tokenizer.json")
    facts: dict[str, object] = {"origin": source.origin, "kind": source.kind, "labels": labels.names}
    variants = {}
    for device in wish.devices:
        network, agreement = _variant(device, exported / FP32, made, sample, wish)
        size = f"{network.stat().st_size / 1e6:.1f} MB"
        report(f"{device}: {network.name}, {size}, against FP32: {agreement or 'unchanged'}")
        facts[f"agreement_{device}"] = str(agreement) if agreement else "unchanged"
        relabel_file(network, labels.columns, len(labels.labels))
        variants[registry.PROVIDERS[device]] = registry.describe(network)
    manifest = {
        "format": registry.FORMAT,
        "name": name,
        "version": source.origin.partition("@")[2] or "local",
        "licence": wish.licence or source.licence,
        "labels": list(labels.labels),
        "max_tokens": max_tokens,
        "overlap": overlap,
        "temperature": 1.0,
        "threshold": wish.threshold,
        "encoding": {"own": False, "bos": source.encoding.bos, "eos": source.encoding.eos, "pad": source.encoding.pad},
        "tokenizer": registry.describe(made / "tokenizer.json"),
        "variants": variants,
        "pulled": facts,
    }
    release.write(made, manifest)
    (made / registry.CARD).write_text(_card(source, wish, name, facts), encoding="utf-8")
    registry.read(made)


def _variant(
    device: str, exported: Path, made: Path, sample: Sequence[samples.Inputs], wish: Wish
) -> tuple[Path, parity.Parity | None]:
    """The network for a device, and how far it strays from FP32."""
    if device == "cuda":
        network = made / gpu.FP16
        gpu.half(exported, network)
    elif device == "tensorrt":
        network = made / gpu.QDQ
        gpu.quantize_for_tensorrt(exported, network, sample)
    elif wish.precision == "fp32":
        network = made / FP32
        shutil.copyfile(exported, network)
        return network, None
    else:
        network = made / INT8
        quantize_network(exported, network, sample)
    agreement = parity.compare(exported, network, sample[:100])
    if agreement.same >= wish.least_agreement:
        return network, agreement
    if device == "cpu" and wish.precision == "auto":
        network.unlink()
        network = made / FP32
        shutil.copyfile(exported, network)
        return network, None
    raise ModelError(
        f"the network for {device} strays too far from FP32 ({agreement}): use --precision fp32, or allow it with "
        f"--least-agreement {agreement.same:.2f}"
    )


def check_offsets(encoder: ForeignEncoder, texts: Iterable[str]) -> None:
    """That tokens come in order, within the text, and leave out no letter or digit. Raises :class:`ModelError`."""
    seen = missed = 0
    for text in texts:
        encoded = encoder.encode(text)
        starts, ends = encoded.starts.tolist(), encoded.ends.tolist()
        backwards = any(late < early for early, late in itertools.pairwise(starts))
        if backwards or max(ends, default=0) > len(text):
            raise ModelError("the tokenizer's offsets do not point into the text: it cannot be used")
        covered = {place for start, end in zip(starts, ends, strict=True) for place in range(start, end)}
        letters = [place for place, char in enumerate(text) if char.isalnum()]
        seen += len(letters)
        missed += sum(place not in covered for place in letters)
    if missed > seen / 1000:
        raise ModelError(
            f"the tokenizer leaves out {missed} of {seen} letters and digits of the sample texts: it cannot be used"
        )


def _card(source: Source, wish: Wish, name: str, facts: dict[str, object]) -> str:
    lines = [
        f"# {name}",
        "",
        f"Pulled from `{source.origin}` (`{source.kind}`) with `coatcheck models pull`. Coatcheck did not train it:",
        "what it was trained on, how well it does and what may be done with it is its owner's to say.",
        "",
        f"- **Licence**: {wish.licence or source.licence}",
    ]
    lines += [f"- **{key.replace('_', ' ')}**: {value}" for key, value in facts.items() if key.startswith("agreement")]
    lines += ["", "| theirs | ours |", "| --- | --- |"]
    labels = facts["labels"]
    assert isinstance(labels, dict)
    lines += [f"| {theirs} | {ours} |" for theirs, ours in labels.items()]
    return "\n".join([*lines, "", json.dumps({"labels": list(source.labels)}, ensure_ascii=False), ""])
