"""``coatcheck models``: the NER model's life, one command a step. Imports each step when its command runs.

Training commands need the extra ``train``; ``list``, ``card`` and ``evaluate`` run on what Coatcheck itself needs.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from models import registry
from models.errors import ModelError

app = typer.Typer(
    help="Train, export, quantize, measure and list the models that find personal data.", no_args_is_help=True
)

_Data = Annotated[Path, typer.Option("--data", help="Folder that 'models data' wrote.")]


@contextmanager
def _plainly() -> Generator[None]:
    """Errors as one line on stderr and exit code 1; a missing package names the extra that brings it."""
    try:
        yield
    except ModelError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except ModuleNotFoundError as error:
        typer.echo(
            f"error: {error.name} is not installed: install coatcheck[train] (requirements/train.lock)", err=True
        )
        raise typer.Exit(1) from None


@app.command("data")
def build_data(
    out: Annotated[Path, typer.Option(help="Where train.jsonl and dev.jsonl go.")],
    open_data: Annotated[
        Path | None,
        typer.Option(help="Folder with more: labelled sets (*.jsonl.gz) and marked-up prompts (*.txt, prompts/*.txt)."),
    ] = None,
    variants: Annotated[int, typer.Option(help="Variants of each prompt, with other names and numbers.")] = 12,
    opens: Annotated[float, typer.Option(min=0, max=1, help="Share of the labelled sets to use.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data.")] = 7,
) -> None:
    """Build the training and the development set."""
    with _plainly():
        from models.ner import data

        built = data.build(open_data, out, data.Recipe(variants=variants, opens=opens, seed=seed))
        for name, count in built.counts.items():
            typer.echo(f"{count:>8} {name}")
        typer.echo(f"wrote {built.train} and {built.dev}")


@app.command()
def train(
    data: _Data,
    out: Annotated[Path, typer.Option(help="Folder of the run: tokenizer, checkpoint, network.")],
    minutes: Annotated[float, typer.Option(help="Time to train; the learning rate reaches zero at its end.")] = 50.0,
    threads: Annotated[int, typer.Option(help="Threads on a CPU: as many as there are idle cores.")] = 1,
    layers: Annotated[int, typer.Option(min=1, max=12, help="Layers of the base model to keep.")] = 6,
    rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 3e-4,
    start: Annotated[
        Path | None, typer.Option("--from", help="Start from this run's network instead of the base encoder.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Stop after so many steps: to try the path out.")] = None,
) -> None:
    """Train, or go on where a run was stopped (same --out)."""
    with _plainly():
        from models.ner import train as training

        plan = training.Plan(minutes=minutes, threads=threads, layers=layers, rate=rate, start=start, max_steps=steps)
        typer.echo(f"wrote {training.run(data, out, plan, typer.echo)}")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a training run.")],
    out: Annotated[Path, typer.Option(help="Where model.onnx and tokenizer.json go.")],
) -> None:
    """Write a trained network as ONNX, FP32."""
    with _plainly():
        from models.ner import export as exporting

        typer.echo(f"wrote {exporting.export(run, out)}")


@app.command()
def quantize(
    exported: Annotated[Path, typer.Argument(help="Folder that 'models export' wrote.")],
    data: _Data,
    out: Annotated[Path, typer.Option(help="The model folder to make.")],
    name: Annotated[str, typer.Option(help="The model's name.")] = registry.DEFAULT,
    version: Annotated[str, typer.Option(help="The model's version.")] = "0.1.0",
) -> None:
    """Make a model folder: INT8 network, tokenizer, model.json with checksums and the temperature that fits."""
    with _plainly():
        from models.ner import calibrate, release
        from models.ner import data as sets
        from models.ner import quantize as quantizing
        from models.ner.inference import NerModel

        typer.echo(f"wrote {quantizing.quantize(exported, data, out)}")
        release.assemble(exported, out, name, version)
        temperature = calibrate.temperature(NerModel.load(out), sets.read(data / "dev.jsonl"))
        release.set_temperature(out, temperature)
        typer.echo(f"temperature {temperature}; {out} can be loaded")


@app.command()
def evaluate(
    data: Annotated[
        list[str],
        typer.Option(
            help="Marked text, PATH or NAME=PATH: folder of prompts, data folder (held-out part), .txt, .jsonl[.gz]."
        ),
    ],
    detector: Annotated[
        list[str] | None,
        typer.Argument(help="Models, NAME=WHAT or WHAT: name or folder; the default model if nothing is named."),
    ] = None,
    command: Annotated[
        list[str] | None,
        typer.Option(help='Detectors that read lines {"id","text"} and write lines {"id","spans"}: NAME=COMMAND.'),
    ] = None,
    predictions: Annotated[list[str] | None, typer.Option(help="Files of answers in that form: NAME=FILE.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write all figures here.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the tables here; between its marks if it has them.")
    ] = None,
    speed: Annotated[bool, typer.Option(help="Ask a second time about the first set, for the speed.")] = True,
    misses: Annotated[
        Path | None, typer.Option(help="Write misses and false alarms here. Quotes the data; never printed.")
    ] = None,
) -> None:
    """Measure detectors side by side on marked text: precision, recall, uncovered characters, false alarms, speed."""
    with _plainly():
        from models.ner import evaluate as measuring

        today = datetime.now(UTC).date()

        def tell(line: str) -> None:
            typer.echo(line, err=True)

        asked = measuring.Detectors(command or (), detector or (), predictions or ())
        outputs = measuring.Outputs(json, markdown, misses)
        typer.echo(measuring.write(measuring.evaluate(data, asked, tell, speed=speed), outputs, today, tell))


@app.command("list")
def list_models() -> None:
    """List the models of this installation and check their files."""
    with _plainly():
        for model in registry.available():
            model.tokenizer.read()
            for provider, artifact in model.variants.items():
                artifact.read()
                size, digest = f"{artifact.size / 1e6:.1f} MB", f"sha256:{artifact.sha256[:12]}"
                typer.echo(f"{model.name} {model.version} {provider} {size} {digest} ok")


@app.command()
def card(
    model: Annotated[str | None, typer.Argument(help="Name or folder; the default model if left out.")] = None,
) -> None:
    """Print a model's card: what it was trained on, its licence, its scores and limits."""
    with _plainly():
        found = registry.find(model)
        try:
            typer.echo(found.card.read_text(encoding="utf-8"))
        except OSError:
            raise ModelError(f"{found.folder} has no card ({registry.CARD}): install the model again") from None
