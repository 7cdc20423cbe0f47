"""A real gateway process between real SDKs and the provider double, and what it leaves behind.

``GatewayProcess`` runs ``coatcheck up`` as a user would, with a configuration of its own in a directory of its own.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import httpx

from tests.databases import by_hand
from tests.doubles.provider import Provider

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_S = 120

CANARIES = {
    "PERSON": "Maria Gonzalez",
    "EMAIL_ADDRESS": "maria.gonzalez@example.com",
    "PHONE_NUMBER": "+1 415 555 0132",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "CN_RESIDENT_ID": "11010519491231002X",
    "CN_PHONE": "13912345678",
}


def layered(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two nested mappings in one; the second wins."""
    out = dict(base)
    for key, value in over.items():
        under = out.get(key)
        out[key] = layered(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return out


def configuration(directory: Path, provider: Provider | None, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that lead the real providers' names to the double."""
    base: dict[str, Any] = {
        "listen": "127.0.0.1:0",
        "admin_listen": "127.0.0.1:0",
        "state_dir": str(directory / "state"),
    }
    if provider is not None:
        to = {"resolve_to": f"127.0.0.1:{provider.port}"}
        if provider.url.startswith("https"):
            to["ca_file"] = str(provider.ca)
        base["upstreams"] = {"openai": dict(to), "anthropic": dict(to)}
    return layered(base, changes)


class GatewayProcess:
    """``coatcheck up`` in a process of its own, for the length of a ``with`` block."""

    new_database: ClassVar[Callable[[], str] | None] = None
    """Makes a database and answers its URL; None: the SQLite file in the state directory."""
    _databases: ClassVar[dict[Path, str]] = {}

    def __init__(
        self,
        directory: Path,
        provider: Provider | None,
        changes: Mapping[str, Any] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "coatcheck.yaml"
        settings = configuration(directory, provider, changes or {})
        if self.new_database is not None and "database" not in settings:
            if directory not in self._databases:
                self._databases[directory] = GatewayProcess.new_database()
            settings["database"] = self._databases[directory]
        self.config.write_text(json.dumps(settings), encoding="utf-8")
        self.url = settings.get("database", f"sqlite:///{directory / 'state' / 'audit.db'}")
        self.arguments = list(arguments)
        self.lines: list[str] = []
        self.state = directory / "state"
        self.proxy = ""
        self.admin = ""
        self.base_urls: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._ready = threading.Event()

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.state / "audit.db"

    @property
    def ca(self) -> Path:
        return self.state / "ca" / "coatcheck-ca.pem"

    @property
    def bundle(self) -> Path:
        return self.state / "ca" / "bundle.pem"

    @property
    def output(self) -> str:
        """All that it printed."""
        return "".join(self.lines)

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca)

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "coatcheck", "up", "--config", str(self.config), *self.arguments]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=clean_environment()
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(START_LIMIT_S) or "ready" not in self.output.split():
            self._process.kill()
            self._process.wait()
            self._close()
            raise AssertionError(f"the gateway did not start:\n{self.output}")
        return self

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            word, _, rest = line.strip().partition(" ")
            if word == "proxy":
                self.proxy = rest.strip()
            elif word == "base":
                self.base_urls.append(rest.split()[1])
            elif word == "admin":
                self.admin = rest.split("/healthz")[0].strip()
            elif word == "ready":
                self._ready.set()
        self._ready.set()

    def stop(self, number: int = signal.SIGTERM, limit_s: float = 60) -> int:
        """Send a signal and wait for the end; answers the exit status."""
        self.process.send_signal(number)
        return self.process.wait(limit_s)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
            finally:
                self._close()
        else:
            self._close()

    def _close(self) -> None:
        self._reader.join(10)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def health(self) -> httpx.Response:
        return httpx.get(f"{self.admin}/healthz", trust_env=False)

    def metrics(self) -> str:
        return httpx.get(f"{self.admin}/metrics", trust_env=False).text

    def audit(self, *arguments: str) -> list[dict[str, Any]]:
        """``coatcheck audit list --json`` with these arguments: newest first."""
        done = cli("audit", "list", "--json", "--database", self.url, *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def decisions(self) -> list[dict[str, Any]]:
        """All decisions with their outcomes, oldest first, read straight from the database."""
        with by_hand(self.url) as hand:
            cursor = hand.execute("select * from decisions order by seq")
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def files(self) -> dict[Path, bytes]:
        """Everything that it wrote, but the key and the CA."""
        return {
            path: path.read_bytes()
            for path in self.state.rglob("*")
            if path.is_file() and path.name != "key" and "ca" not in path.relative_to(self.state).parts
        }


def clean_environment(**added: str) -> dict[str, str]:
    """Our environment without what would change a child's connections or configuration."""
    unwanted = ("PROXY", "COATCHECK_", "SSL_CERT", "CA_BUNDLE", "OPENAI_", "ANTHROPIC_")
    kept = {
        k: v
        for k, v in os.environ.items()
        if not any(word in k.upper() for word in unwanted) or k == "COATCHECK_NER_MODEL"
    }
    return {**kept, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1", **added}


def cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``coatcheck`` with these arguments."""
    return subprocess.run(
        [sys.executable, "-m", "coatcheck", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=clean_environment(**environment),
        check=False,
        timeout=300,
    )
