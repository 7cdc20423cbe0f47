"""``coatcheck models``, second part: models as a whole (list, card, pull, gate, distill). Mounted by ``cli.py``.

Imports each step when its command runs; ``list`` and ``card`` run on what Coatcheck itself needs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from models import registry
from models.errors import ModelError
from models.plainly import plainly

_COLUMNS = ("name", "version", "size", "variants", "licence", "where", "default")
_WIDE = 300
"""Columns of the list in a file or a pipe, where nothing may be cut."""
_NAMES = {provider: device for device, provider in registry.PROVIDERS.items()}


def list_models() -> None:
    """List the models of this installation and check their files."""
    with plainly():
        console = Console()
        if not console.is_terminal:
            console = Console(width=_WIDE)
        table = Table(*(Column(name, overflow="fold") for name in _COLUMNS), box=None, pad_edge=False)
        default = _default()
        for model in registry.available():
            parts = [model.tokenizer, *model.variants.values(), *([model.gate] if model.gate else [])]
            for artifact in parts:
                artifact.read()
            variants = ", ".join(_NAMES.get(provider, provider) for provider in model.variants)
            table.add_row(
                model.name,
                model.version,
                f"{sum(artifact.size for artifact in parts) / 1e6:.1f} MB",
                f"{variants}{', gate' if model.gate else ''}",
                model.licence,
                str(model.folder),
                "yes" if model.folder == default else "",
            )
        console.print(table)


def _default() -> Path | None:
    try:
        return registry.find().folder
    except ModelError:
        return None


def card(
    model: Annotated[str | None, typer.Argument(help="Name or folder; the default model if left out.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the card anew instead of printing it.")] = False,
    scores: Annotated[
        Path | None, typer.Option(help="What 'models evaluate --json' wrote: goes into the card.")
    ] = None,
    notes: Annotated[Path | None, typer.Option(help="Markdown to end the card with: limits, remarks.")] = None,
) -> None:
    """Print a model's card: what it was trained on, its licence, its scores and limits; or write it anew."""
    with plainly():
        found = registry.find(model)
        if write or scores or notes:
            from models.ner import cards

            text = cards.render(found, _json(scores) if scores else None, _text(notes) if notes else "")
            found.card.write_text(text, encoding="utf-8")
            typer.echo(f"wrote {found.card}")
            return
        try:
            typer.echo(found.card.read_text(encoding="utf-8"))
        except OSError:
            raise ModelError(
                f"{found.folder} has no card ({registry.CARD}): install the model again, or write one (--write)"
            ) from None


def pull(
    source: Annotated[str, typer.Argument(help="Hugging Face hub id (owner/model) or folder of a token classifier.")],
    labels: Annotated[Path | None, typer.Option(help="YAML file: their labels to ours.")] = None,
    name: Annotated[str | None, typer.Option(help="Name to install it under.")] = None,
    to: Annotated[Path | None, typer.Option(help="Folder of models; the user's data folder if left out.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit, tag or branch on the hub: name a commit.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the weights, if their card does not say.")] = None,
    precision: Annotated[str, typer.Option(help="int8, fp32, or auto: INT8 if it agrees with FP32.")] = "auto",
    device: Annotated[list[str] | None, typer.Option(help="cpu, cuda, tensorrt; may be given again.")] = None,
    max_tokens: Annotated[int, typer.Option(min=16, help="Tokens in a window.")] = 128,
    threshold: Annotated[float, typer.Option(min=0, max=1, help="Least probability of a finding.")] = 0.5,
    least_agreement: Annotated[
        float, typer.Option(min=0, max=1, help="Share of tokens that a smaller network must label alike.")
    ] = 0.98,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a model of that name.")] = False,
) -> None:
    """Fetch a token classifier, convert, check and install it."""
    with plainly():
        from models import devices
        from models.ner import pull as pulling

        if precision not in ("auto", "int8", "fp32"):
            raise ModelError(f"unknown precision {precision!r}: use auto, int8 or fp32")
        chosen = tuple(devices.device(known).name for known in device or ["cpu"])
        wish = pulling.Wish(
            name=name,
            to=to,
            labels=labels,
            revision=revision,
            licence=licence,
            precision=precision,
            devices=chosen,
            max_tokens=max_tokens,
            threshold=threshold,
            least_agreement=least_agreement,
            replace=replace,
        )
        pulling.pull(source, wish, typer.echo)


def gate(
    model: Annotated[Path, typer.Argument(help="The model folder that gets the gate.")],
    data: Annotated[Path, typer.Option(help="Folder that 'models data' wrote.")],
    run: Annotated[
        Path | None, typer.Option(help="The training run that the model was made from; its INT8 will do.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads for what the model labels.")] = 1,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data.")] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Opens at this probability; chosen if left out.")
    ] = None,
    most_lost: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the marked characters that the gate may lose.")
    ] = 0.002,
) -> None:
    """Train the gate that picks the windows worth reading, and choose where it opens."""
    with plainly():
        import tempfile
        from dataclasses import replace

        from models.ner import data as sets
        from models.ner import dequantize, gate_choice, gate_training, release
        from models.ner.encoding import Encoder
        from models.ner.gate import Gate
        from models.ner.inference import NerModel
        from models.session import open_gate

        found_model = registry.read(model)
        records = [record for record in sets.read(data / "dev.jsonl") if record.kind != "open"]
        plan = gate_training.GatePlan()
        plan = replace(plan, epochs=epochs or plan.epochs)
        with tempfile.TemporaryDirectory(prefix="coatcheck-gate-") as workspace:
            origin = run or dequantize.start(found_model, Path(workspace))
            reader = NerModel.load(model, threads=threads, cascade=False)
            trained = gate_training.train(origin, reader, data, model, plan, typer.echo)
        found_model = release.set_gate(model, trained, threshold or 0.5)
        encoder = Encoder.from_bytes(found_model.tokenizer.read())
        network = Gate(open_gate(found_model), 0.5)
        found = gate_choice.costs(network, encoder, records, found_model.max_tokens, found_model.overlap)
        for cost in found:
            typer.echo(f"opens at {cost.threshold:g}: reads {100 * cost.read:.1f} %, loses {100 * cost.lost:.2f} %")
        if threshold is None:
            threshold = gate_choice.choose(found, most_lost).threshold
        release.set_gate(model, trained, threshold)
        typer.echo(f"wrote {trained}; it opens at {threshold:g}")


def distill(
    teacher: Annotated[str, typer.Option(help="Name or folder of the model to learn from.")],
    texts: Annotated[Path, typer.Option(help='Unlabelled texts: *.jsonl with {"text"}, or one text a line.')],
    data: Annotated[Path, typer.Option(help="Folder that 'models data' wrote.")],
    out: Annotated[Path, typer.Option(help="Folder of the run, as of 'models train'.")],
    minutes: Annotated[float, typer.Option(help="Time to train, the teacher's answers not counted.")] = 50.0,
    threads: Annotated[int, typer.Option(help="Threads on a CPU: as many as there are idle cores.")] = 1,
    layers: Annotated[int, typer.Option(min=1, max=12, help="Layers of the base model to keep.")] = 6,
    rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 3e-4,
    device: Annotated[str, typer.Option(help="What the teacher runs on: cpu, cuda, tensorrt.")] = "cpu",
    labelled: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the labelled training set to mix in; 0: answers only.")
    ] = 1.0,
    start: Annotated[
        str | None, typer.Option("--from", help="Start from this run or model instead of the base encoder.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Stop after so many steps: to try the path out.")] = None,
) -> None:
    """Train a small model on a larger one's answers to unlabelled texts; goes on where it was stopped (same --out)."""
    with plainly():
        from models.ner import distill as distilling
        from models.ner import train as training
        from models.ner.inference import NerModel

        unlabelled = distilling.read_texts(texts)
        # Every window: what the teacher's gate leaves out would be taught as "nothing here".
        asked = NerModel.load(teacher, device=device, threads=threads, cascade=False)
        plan = training.Plan(
            minutes=minutes, threads=threads, layers=layers, rate=rate, start=starting(start, out), max_steps=steps
        )
        typer.echo(f"wrote {distilling.run(asked, unlabelled, data, out, plan, typer.echo, labelled)}")


def starting(wanted: str | None, out: Path) -> Path | None:
    """The run to start from; a released model is turned back into one, in ``out/start``. Raises :class:`ModelError`."""
    if wanted is None or (Path(wanted) / "model" / "model.safetensors").is_file():
        return Path(wanted) if wanted else None
    from models.ner import dequantize

    if (out / "start" / "model" / "model.safetensors").is_file():
        return out / "start"
    return dequantize.start(registry.find(wanted), out / "start")


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_text(path))
    except ValueError:
        raise ModelError(f"{path} is not JSON") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path} holds no object")
    return content


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read {path}: {type(error).__name__}") from None
