"""What the gateway adds: latency and throughput beside plain mitmproxy, in one run, over the same double.

    python -m benchmarks.overhead [--requests N] [--json FILE]

Three ways to the same provider double (TLS), by turns: direct, through a plain ``mitmdump``, through the gateway with
its defaults. Prompts of 1 KB and 16 KB, with one and eight clients, streamed and not. ``new`` prompts were never seen
before, so all of their text is searched; ``resent`` ones were, as an agent's history is at every turn but for its end.
Figures are milliseconds of one request from send to last byte, and requests per second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import Progress

from tests.doubles.provider import Provider
from tests.e2e.harness import GatewayProcess, clean_environment

PROSE = """
please review the quarterly report about delivery times in the northern region and tell me which of these suppliers
should get a written reminder before the end of next month since their invoices came late again while the others kept
to the agreed dates and prices except for two small orders that were corrected by phone
"""
WORDS = PROSE.split()
VALUES = ["Maria Gonzalez", "maria.gonzalez@example.com", "+1 415-555-0132", "Oliver Brandt"]


@dataclass
class Row:
    """One setting, one way."""

    size: int
    clients: int
    stream: bool
    text: str
    way: str
    p50_ms: float
    p99_ms: float
    per_second: float


def prompt(size: int, generator: random.Random) -> str:
    """Prose of about ``size`` characters with a few values of personal data in it."""
    words: list[str] = []
    length = 0
    while length < size:
        word = generator.choice(VALUES) if generator.random() < 0.01 else generator.choice(WORDS)
        words.append(word)
        length += len(word) + 1
        if generator.random() < 0.07:
            words[-1] += "."
    return " ".join(words)[:size]


async def one(client: httpx.AsyncClient, url: str, text: str, stream: bool) -> float:
    """One request, as an SDK sends it; answers milliseconds."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], "stream": stream}
    begun = time.perf_counter()
    if stream:
        async with client.stream("POST", url, json=body) as reply:
            async for _ in reply.aiter_raw():
                pass
    else:
        reply = await client.post(url, json=body)
    if reply.status_code != 200:
        raise RuntimeError(f"status {reply.status_code}")
    return (time.perf_counter() - begun) * 1000


async def measure(
    url: str, trust: ssl.SSLContext, proxy: str | None, clients: int, stream: bool, texts: list[str]
) -> tuple[list[float], float]:
    """All texts, spread over the clients; answers each latency and the requests per second."""
    queue = list(texts)
    latencies: list[float] = []
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    key = {"authorization": "Bearer sk-benchmark"}
    async with httpx.AsyncClient(
        proxy=proxy, verify=trust, limits=limits, timeout=120, trust_env=False, headers=key
    ) as client:
        await asyncio.gather(*(one(client, url, "warm up", stream) for _ in range(clients)))

        async def work() -> None:
            while queue:
                latencies.append(await one(client, url, queue.pop(), stream))

        begun = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(clients)))
        return latencies, len(texts) / (time.perf_counter() - begun)


class PlainMitmproxy:
    """``mitmdump`` as it comes: intercepts, touches nothing."""

    def __init__(self, directory: Path, ca: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.ca = directory / "mitmproxy-ca-cert.pem"
        self._process = subprocess.Popen(
            [
                str(Path(sys.executable).parent / "mitmdump"),
                "-q",
                f"--listen-port={self.port}",
                "--listen-host=127.0.0.1",
                f"--set=confdir={directory}",
                "--set=connection_strategy=lazy",
                "--set=stream_large_bodies=1",  # as the gateway does: pass streams on as they come
                f"--set=ssl_verify_upstream_trusted_ca={ca}",
            ],
            env=clean_environment(),
        )

    def __enter__(self) -> PlainMitmproxy:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                threading.Event().wait(0.05)
            else:
                if self.ca.exists():
                    return self
        raise RuntimeError("mitmdump did not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


def run(requests: int, report: Callable[[str], None]) -> list[Row]:
    """All settings; ``report`` is told of each."""
    rows: list[Row] = []
    generator = random.Random(20261124)
    with tempfile.TemporaryDirectory(prefix="coatcheck-bench-") as scratch, Provider() as provider:
        home = Path(scratch)
        provider.manner = provider.manner.but({"piece": 20})
        upstreams = {"openai": {"hosts": ["localhost"], "ca_file": str(provider.ca), "resolve_to": None}}
        with (
            PlainMitmproxy(home / "mitmproxy", provider.ca) as plain,
            GatewayProcess(home / "gateway", provider, {"upstreams": upstreams}, ["--quiet"]) as gateway,
        ):
            url = f"https://localhost:{provider.port}/v1/chat/completions"
            ways = {
                "direct": (None, ssl.create_default_context(cafile=provider.ca)),
                "mitmproxy": (f"http://127.0.0.1:{plain.port}", ssl.create_default_context(cafile=plain.ca)),
                "gateway": (gateway.proxy, gateway.trust),
            }
            for size in (1_000, 16_000):
                for clients in (1, 8):
                    for stream in (False, True):
                        for text in ("new", "resent"):
                            count = max(clients * 4, requests if size == 1_000 else requests // 4)
                            texts = [prompt(size, generator) for _ in range(count)]
                            if text == "resent":
                                texts = [texts[0]] * count
                            for way, (proxy, trust) in ways.items():
                                report(f"{size} B, {clients} clients, {'stream' if stream else 'whole'}, {text}, {way}")
                                provider.requests.clear()
                                times, rate = asyncio.run(measure(url, trust, proxy, clients, stream, list(texts)))
                                cuts = statistics.quantiles(times, n=100, method="inclusive")
                                rows.append(Row(size, clients, stream, text, way, cuts[49], cuts[98], rate))
    return rows


def table(rows: list[Row]) -> str:
    """Markdown: what the gateway adds to plain mitmproxy, row by row."""
    lines = [
        "| prompt | clients | reply | text | direct p50 / p99 ms | mitmproxy p50 / p99 ms | gateway p50 / p99 ms |"
        " added to mitmproxy p50 / p99 ms | requests/s mitmproxy | gateway | ratio |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for i in range(0, len(rows), 3):
        direct, plain, gate = rows[i : i + 3]
        lines.append(
            f"| {direct.size // 1000} KB | {direct.clients} | {'stream' if direct.stream else 'whole'} | {direct.text} "
            f"| {direct.p50_ms:.1f} / {direct.p99_ms:.1f} | {plain.p50_ms:.1f} / {plain.p99_ms:.1f} "
            f"| {gate.p50_ms:.1f} / {gate.p99_ms:.1f} "
            f"| {gate.p50_ms - plain.p50_ms:+.1f} / {gate.p99_ms - plain.p99_ms:+.1f} "
            f"| {plain.per_second:.0f} | {gate.per_second:.0f} | {gate.per_second / plain.per_second:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--requests", type=int, default=200, help="requests per setting with 1 KB prompts (16 KB: a quarter)"
    )
    parser.add_argument("--json", type=Path, help="write all figures here")
    arguments = parser.parse_args()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("measuring", total=48)

        def report(what: str) -> None:
            progress.update(task, advance=1, description=what)

        rows = run(arguments.requests, report)
    print(table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
