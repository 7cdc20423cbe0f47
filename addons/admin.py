"""The admin listener: ``/healthz`` and ``/metrics``, on loopback. Knows no traffic and shows none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from addons.metrics import Metrics

Health = Callable[[], dict[str, Any]]
"""Answers ``{"ready": bool, ...}``."""


def application(health: Health, metrics: Metrics) -> Starlette:
    """The two pages. ``/healthz`` is 200 when ready, 503 when not, with the parts' states as JSON."""

    async def healthz(_: Request) -> Response:
        state = health()
        return JSONResponse(state, 200 if state["ready"] else 503)

    async def figures(_: Request) -> Response:
        metrics.ready.set(1 if health()["ready"] else 0)
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Starlette(routes=[Route("/healthz", healthz), Route("/metrics", figures)])


class _Server(uvicorn.Server):
    """Signals belong to the gateway."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def serving(host: str, port: int, health: Health, metrics: Metrics) -> AsyncIterator[tuple[str, int]]:
    """Serve for the block's length; yields the address in force (port 0 is replaced). Raises OSError if it is taken."""
    loop = asyncio.get_running_loop()
    config = uvicorn.Config(
        application(health, metrics), host=host, port=port, log_config=None, access_log=False, lifespan="off"
    )
    server = _Server(config)
    listener = await loop.run_in_executor(None, _bind, host, port)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[:2]
    finally:
        server.should_exit = True
        await task


def _bind(host: str, port: int) -> Any:
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(64)
    except OSError:
        listener.close()
        raise
    return listener
