"""``coatcheck models``: the NER model's life, one command a step. Imports each step when its command runs.

Training commands need the extra ``train``; ``list``, ``card`` and ``evaluate`` run on what Coatcheck itself needs.
``library_cli.py`` holds the commands for models as a whole.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from models import devices, library_cli, registry
from models.plainly import plainly

app = typer.Typer(
    help="Train, export, quantize, measure and list the models that find personal data.", no_args_is_help=True
)

_Data = Annotated[Path, typer.Option("--data", help="Folder that 'models data' wrote.")]


@app.command("data")
def build_data(
    out: Annotated[Path, typer.Option(help="Where train.jsonl and dev.jsonl go.")],
    open_data: Annotated[
        Path | None,
        typer.Option(
            help="Folder with more: labelled sets (*.jsonl.gz), marked-up prompts (*.txt, prompts/*.txt), your own "
            "labelled texts (*.jsonl, *.json)."
        ),
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="YAML file: labels of your own texts to ours.")] = None,
    variants: Annotated[int, typer.Option(help="Variants of each prompt, with other names and numbers.")] = 12,
    opens: Annotated[float, typer.Option(min=0, max=1, help="Share of the labelled sets to use.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data.")] = 7,
) -> None:
    """Build the training and the development set."""
    with plainly():
        from models.ner import data

        built = data.build(open_data, out, data.Recipe(variants=variants, opens=opens, seed=seed), labels)
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
        str | None, typer.Option("--from", help="Start from this run or released model instead of the base encoder.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Stop after so many steps: to try the path out.")] = None,
) -> None:
    """Train, or go on where a run was stopped (same --out)."""
    with plainly():
        from models.ner import train as training

        origin = library_cli.starting(start, out)
        plan = training.Plan(minutes=minutes, threads=threads, layers=layers, rate=rate, start=origin, max_steps=steps)
        typer.echo(f"wrote {training.run(data, out, plan, typer.echo)}")


@app.command()
def export(
    run: Annotated[str, typer.Argument(help="Folder of a training run; or a model, whose INT8 is turned back.")],
    out: Annotated[Path, typer.Option(help="Where model.onnx, config.json and tokenizer.json go.")],
) -> None:
    """Write a trained network as ONNX, FP32: the same for every device."""
    with plainly():
        typer.echo(f"wrote {_exported(run, out)}")


def _exported(wanted: str, out: Path) -> Path:
    if (Path(wanted) / "model").is_dir():
        from models.ner import export as exporting

        return exporting.export(Path(wanted), out)
    from models.ner import dequantize

    return dequantize.exported(registry.find(wanted), out)


@app.command()
def quantize(
    exported: Annotated[str, typer.Argument(help="Folder that 'models export' wrote; or a model to add a variant to.")],
    out: Annotated[Path, typer.Option(help="The model folder to make, or to add a variant to.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder that 'models data' wrote; a GPU's variants do without.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu: INT8; cuda: FP16, fused; tensorrt: INT8, symmetric.")] = "cpu",
    name: Annotated[str, typer.Option(help="The model's name.")] = registry.DEFAULT,
    version: Annotated[str, typer.Option(help="The model's version.")] = "0.1.0",
    licence: Annotated[
        str | None, typer.Option(help="Licence of the weights; what the sources ask for if left out.")
    ] = None,
) -> None:
    """Make a model folder, or add a device's variant to one: network, tokenizer, model.json with checksums."""
    with plainly():
        from models.ner import making

        wish = making.Wish(devices.device(device).name, name, version, licence)
        if (Path(exported) / "model.onnx").is_file():
            making.make(Path(exported), out, data, wish, typer.echo)
        else:
            making.extend(registry.find(exported), out, data, wish, typer.echo)


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
    with plainly():
        from models.ner import evaluate as measuring

        today = datetime.now(UTC).date()

        def tell(line: str) -> None:
            typer.echo(line, err=True)

        asked = measuring.Detectors(command or (), detector or (), predictions or ())
        outputs = measuring.Outputs(json, markdown, misses)
        typer.echo(measuring.write(measuring.evaluate(data, asked, tell, speed=speed), outputs, today, tell))


for _command in (library_cli.pull, library_cli.gate, library_cli.distill, library_cli.card):
    app.command()(_command)
app.command("list")(library_cli.list_models)
