"""``coatcheck llm``: run the embedded open model. Also ``python -m models.llm_cli``; the work is in ``models.llm``.

Rules for this file: it parses options, prints, waits for a signal. What it prints is never a prompt or an answer.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from models.llm import DEFAULT_CTX_SIZE, DEFAULT_PORT, DIALECTS, READY, LlmError, LlmSettings, running_server

app = typer.Typer(help="The embedded open model (SmolLM2-135M-Instruct on llama.cpp).", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``serve`` a command of its own, so that others can join it."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = DEFAULT_PORT,
    model: Annotated[Path | None, typer.Option(help="A GGUF file instead of the bundled model.")] = None,
    ctx_size: Annotated[int, typer.Option(min=256, help="Tokens per conversation.")] = DEFAULT_CTX_SIZE,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 is one per core.")] = 0,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Requests worked on at once.")] = 1,
    with_parent: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Serve the open model over HTTP until SIGTERM or Ctrl-C.

    Speaks OpenAI Chat Completions and Responses and Anthropic Messages. It has no authentication: keep it on loopback.
    """
    ends = {signal.SIGTERM, signal.SIGINT}
    # Blocked before llama.cpp starts its threads: they inherit the mask, and the signal waits for sigwait below.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    settings = LlmSettings(host, port, model, ctx_size, threads, parallel)
    try:
        with running_server(settings) as url:
            if with_parent:
                threading.Thread(target=_end_with_parent, daemon=True).start()
            for path in DIALECTS:
                typer.echo(f"  POST {url}{path}")
            typer.echo(f"{READY}{url}")
            sys.stdout.flush()
            signal.sigwait(ends)
    except LlmError as error:
        typer.echo(f"coatcheck llm: {error}", err=True)
        raise typer.Exit(1) from None


def _end_with_parent() -> None:
    """Wait until whoever holds the other end of standard input is gone, then end as if told to."""
    while sys.stdin.buffer.read(4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    app(prog_name="coatcheck llm")
