"""From an exported network to a model folder, for one device at a time. Training only; imports happen when called."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models import registry
from models.errors import ModelError
from models.ner import cards, gpu, parity, release
from models.ner import data as sets
from models.ner import quantize as quantizing
from models.ner.export import FP32

Report = Callable[[str], None]

_COMPARED = 200
"""Windows on which a network is compared with the one it was made from."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to make."""

    device: str = "cpu"
    name: str = registry.DEFAULT
    version: str = "0.1.0"
    licence: str | None = None
    """None: what the sources in the data folder ask for."""


def make(exported: Path, folder: Path, built: Path | None, wish: Wish, report: Report) -> registry.Model:
    """``exported/model.onnx`` as the variant of ``wish.device`` in ``folder``, which is made if it is no model yet.

    ``built``: the data, needed for a new CPU model's temperature. Raises :class:`ModelError`.
    """
    if built is None and wish.device == "cpu":
        raise ModelError("the CPU's network is calibrated on the training set: give --data")
    network = _network(exported, folder, built, wish.device, report)
    if (folder / registry.MANIFEST).is_file():
        model = release.add_variant(folder, wish.device, network)
    else:
        sources = sets.read_sources(built) if built else {}
        licence = wish.licence or (cards.licence_for(sources) if sources else release.LICENCE)
        model = release.assemble(
            exported,
            folder,
            wish.name,
            wish.version,
            device=wish.device,
            network=network.name,
            licence=licence,
            data=sources,
        )
    if wish.device == "cpu" and built is not None:
        from models.ner import calibrate
        from models.ner.inference import NerModel

        temperature = calibrate.temperature(NerModel.load(folder, cascade=False), sets.read(built / "dev.jsonl"))
        release.set_temperature(folder, temperature)
        report(f"temperature {temperature}")
    if not model.card.is_file():
        model.card.write_text(cards.render(registry.read(folder)), encoding="utf-8")
    report(f"{folder} can be loaded on: {', '.join(d for d, p in registry.PROVIDERS.items() if p in model.variants)}")
    return registry.read(folder)


def extend(model: registry.Model, folder: Path, built: Path | None, wish: Wish, report: Report) -> registry.Model:
    """A copy of ``model`` in ``folder`` with a GPU's variant, made from its INT8 network turned back into FP32."""
    from models.ner import dequantize

    if wish.device == "cpu":
        raise ModelError(f"{model.name} is quantized for the CPU already: give the folder that 'models export' wrote")
    with tempfile.TemporaryDirectory(prefix="coatcheck-export-") as workspace:
        dequantize.exported(model, Path(workspace))
        if folder.resolve() != model.folder.resolve():
            dequantize.copied(model, folder)
        return make(Path(workspace), folder, built, wish, report)


def _network(exported: Path, folder: Path, built: Path | None, device: str, report: Report) -> Path:
    source = exported / FP32
    sample = quantizing.sample(exported, built)
    folder.mkdir(parents=True, exist_ok=True)
    if device == "cpu":
        network = folder / quantizing.INT8
        quantizing.quantize_network(source, network, sample)
    elif device == "cuda":
        network = folder / gpu.FP16
        fused = gpu.half(source, network)
        report(f"fused: {', '.join(f'{count} {kind}' for kind, count in fused.items() if count) or 'nothing'}")
    else:
        network = folder / gpu.QDQ
        gpu.quantize_for_tensorrt(source, network, sample)
    agreement = parity.compare(source, network, sample[:_COMPARED])
    report(f"wrote {network}, {network.stat().st_size / 1e6:.1f} MB; against FP32 on the CPU: {agreement}")
    return network
