"""One gateway process: all rooms' parts built, started in order, drained and stopped.

The order is that of trust: key, certificate authority, audit database, detector, policy; the proxy listens last. What
fails raises ``LaunchError`` with words for the terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import datetime as dt
import logging
import resource
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mitmproxy import ctx, http
from mitmproxy.tools.dump import DumpMaster

from addons import admin, ca, keys, proxy, vault_start
from addons.admission import Admission
from addons.aws_keys import AwsKeyring, AwsKeysError
from addons.ca import CertificateAuthority
from addons.gateway import Gateway
from addons.metrics import Metrics
from addons.pipeline import Pipeline
from addons.policy.engine import Policy
from addons.proxy import Listener
from addons.recording_health import measure, recording
from addons.reroute.health import HealthMonitor
from addons.resigning import Resigner
from addons.settings import Settings, load_settings
from addons.settings_sections import parse_address
from addons.vault.build import vault_of
from addons.vault.errors import VaultError
from addons.vault.service import Vault
from audit.errors import AuditError
from audit.ids import new_id
from audit.recorder import Recorder
from audit.records import Decision, PolicyRecord
from detectors.errors import DetectorError
from detectors.service import DetectorService
from models.errors import ModelError

log = logging.getLogger("coatcheck")


class LaunchError(Exception):
    """The gateway cannot start; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that is up."""

    settings: Settings
    listeners: Sequence[Listener]
    """With the ports in force."""
    admin: tuple[str, int]
    authority: CertificateAuthority
    detector_version: str
    policy_hash: str


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything behind the hooks."""

    authority: CertificateAuthority
    recorder: Recorder
    detector: DetectorService
    pipeline: Pipeline
    metrics: Metrics
    policy: Policy
    vault: Vault | None


def harden() -> None:
    """No core dumps, no reading of this process's memory by others of the same user (Linux)."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]  # left alone: a command that we run may raise its own again
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":
        pr_set_dumpable = 4
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_dumpable, 0, 0, 0, 0)


def listeners_of(settings: Settings, reverse: Sequence[str]) -> list[Listener]:
    """The forward proxy, or one base-URL listener for each URL, on consecutive ports."""
    host, port = settings.listen_address
    if not reverse:
        return [Listener(host, port)]
    if port:
        return [Listener(host, port + i, url) for i, url in enumerate(reverse)]
    # mitmproxy will not have two listeners at port 0: choose free ones for it
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket(family)) for _ in reverse]
        for probe in probes:
            probe.bind((host, 0))
        return [Listener(host, probe.getsockname()[1], url) for probe, url in zip(probes, reverse, strict=True)]


@contextlib.asynccontextmanager
async def parts(settings: Settings, announce: Callable[[Decision], None]) -> AsyncIterator[Parts]:
    """Build and start everything behind the hooks; stop it in reverse. Raises LaunchError."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            gateway_keys = keys.load_or_create(settings.key_path)
            authority = await asyncio.to_thread(_authority, settings)
            plan = settings.checkpoints.plan(settings.state_path)
            recorder = Recorder(
                settings.database_url, checkpoints=plan, journal=settings.journal.plan(settings.state_path)
            )
            await recorder.start()
            stack.push_async_callback(recorder.stop)
            await recorder.record_policy(_policy_record(settings))
            vault = vault_of(settings)
            if vault is not None:
                await stack.enter_async_context(vault_start.started(vault, recorder))
            limit = min(settings.limits.detect_ms, settings.detector.time_limit_ms)
            detector = DetectorService(settings.detector.model_copy(update={"time_limit_ms": limit}))
            await detector.start()
            stack.push_async_callback(detector.stop)
            policy = Policy(settings.policy, settings.masked_targets)
            resigner = Resigner(settings.upstreams, await asyncio.to_thread(AwsKeyring, settings.upstreams))
        except (keys.KeyFileError, ca.CaError, AuditError, VaultError, DetectorError, ModelError, AwsKeysError) as e:
            raise LaunchError(str(e)) from None
        health = HealthMonitor(settings.onprem)
        await health.start()
        stack.push_async_callback(health.stop)
        metrics = Metrics()
        measure(recorder, metrics.registry)
        pipeline = Pipeline(
            settings,
            gateway_keys,
            detector,
            recorder,
            policy,
            metrics,
            health,
            vault=vault,
            resigner=resigner,
            announce=announce,
        )
        yield Parts(authority, recorder, detector, pipeline, metrics, policy, vault)


def _policy_record(settings: Settings) -> PolicyRecord:
    """The policy in force, for the record, before the first decision under it."""
    return PolicyRecord(
        new_id(), dt.datetime.now(dt.UTC), settings.tenant, settings.policy_hash, settings.policy.recorded()
    )


def _authority(settings: Settings) -> CertificateAuthority:
    """The CA, limited to what is intercepted and to the gateway's own names."""
    addresses = [parse_address(one.resolve_to)[0] for one in settings.upstreams.values() if one.resolve_to]
    addresses.append(settings.listen_address.host)
    named = [host for host in addresses if _is_ip(host) and host not in ("0.0.0.0", "::")]  # noqa: S104 - not bound
    return ca.ensure(settings.state_path / "ca", [*settings.hosts, *settings.access.allowed_hosts], named)


def _is_ip(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def admission_for(settings: Settings, listeners: Sequence[Listener]) -> Admission:
    """The rules of who may use these listeners and where they lead."""
    configured = [proxy.destination_of(target.url) for target in settings.onprem.values()]
    configured += [proxy.destination_of(listener.upstream) for listener in listeners if listener.upstream]
    configured += [parse_address(one.resolve_to) for one in settings.upstreams.values() if one.resolve_to]
    return Admission(
        [(listener.host, listener.port) for listener in listeners],
        allowed_hosts=settings.access.allowed_hosts,
        allowed_origins=settings.access.allowed_origins,
        guard_private=not settings.listen_address.loopback,
        configured=configured,
    )


async def run(
    settings: Settings,
    stop: asyncio.Event,
    on_ready: Callable[[Running], None],
    *,
    reverse: Sequence[str] = (),
    announce: Callable[[Decision], None] = lambda decision: None,
) -> None:
    """Run a gateway until ``stop`` is set; then drain. Raises LaunchError if it cannot start."""
    harden()
    listeners = listeners_of(settings, reverse)
    for listener in listeners:
        _check_free(listener.host, listener.port)
    async with parts(settings, announce) as built:
        admission = admission_for(settings, listeners)
        secure = [proxy.destination_of(url) for url in reverse if url.startswith("https:")]
        gateway = Gateway(settings, built.pipeline, admission, secure_destinations=secure)
        master = proxy.build_master(_options(settings, listeners, built.authority), gateway)
        try:
            task = asyncio.create_task(master.run())
            await _started(master, task)
            addresses = proxy.listening(master)
            actual = [
                Listener(host, port, listener.upstream)
                for listener, (host, port) in zip(listeners, addresses, strict=True)
            ]
            admission.listeners = [(listener.host, listener.port) for listener in actual]

            def health() -> dict[str, Any]:
                states = {"detector": built.detector.ready, "database": built.recorder.ready, "key": True}
                audit = recording(built.recorder)
                ready = all(states.values()) and not gateway.draining
                if built.vault is not None:
                    states["vault"] = built.vault.ready
                    # The vault lies in the audit database: while the journal stands in, only what needs it is refused.
                    ready = ready and (states["vault"] or audit["state"] == "journal")
                return {
                    "ready": ready,
                    **states,
                    "audit": audit,
                    "draining": gateway.draining,
                    "mode": settings.policy.mode,
                    "policy": built.policy.hash,
                    "listen": [f"{at.host}:{at.port}" for at in actual],
                    "reverse": [at.upstream for at in actual if at.upstream],
                    "ca": str(built.authority.certificate),
                    "detector_version": built.detector.version,
                }

            try:
                async with admin.serving(*settings.admin_address, health, built.metrics) as admin_address:
                    on_ready(
                        Running(
                            settings, actual, admin_address, built.authority, built.detector.version, built.policy.hash
                        )
                    )
                    await _until(stop, task)
                    await _drain(master, gateway, settings.limits.drain_s)
            except OSError as e:
                host, port = settings.admin_address
                raise LaunchError(f"cannot listen on {host}:{port} (admin_listen): {e.strerror}.") from None
        finally:
            master.shutdown()
            await asyncio.wait([task])


def _options(settings: Settings, listeners: Sequence[Listener], authority: CertificateAuthority) -> dict[str, Any]:
    extra = [upstream.ca_file for upstream in settings.upstreams.values() if upstream.ca_file]
    extra += [target.ca_file for target in settings.onprem.values() if target.ca_file]
    try:
        roots = ca.upstream_roots(authority.directory, extra)
    except ca.CaError as e:
        raise LaunchError(str(e)) from None
    return proxy.options_for(
        listeners,
        settings.hosts,
        addresses=[parse_address(one.resolve_to) for one in settings.upstreams.values() if one.resolve_to],
        confdir=authority.directory,
        upstream_roots=roots,
        htpasswd=settings.access.proxy_auth,
        upstream_timeout_s=settings.limits.upstream_timeout_s,
        client_certificates=settings.access.client_ca is not None,
    )


def _check_free(host: str, port: int) -> None:
    if port == 0:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as e:
            raise LaunchError(
                f"cannot listen on {host}:{port}: {e.strerror}. Another program (another gateway?) may hold the port; "
                "choose another with --listen HOST:PORT."
            ) from None


async def _started(master: DumpMaster, task: asyncio.Task[None]) -> None:
    """Wait until mitmproxy's servers are up."""
    started = asyncio.Event()

    class Started:
        def running(self) -> None:
            started.set()

    master.addons.add(Started())
    await _until(started, task)


async def _until(event: asyncio.Event, task: asyncio.Task[None]) -> None:
    """Wait for the event, or find out why the proxy ended before it."""
    waiter = asyncio.create_task(event.wait())
    try:
        await asyncio.wait([waiter, task], return_when=asyncio.FIRST_COMPLETED)
        if task.done() and not event.is_set():
            raise LaunchError("the proxy ended by itself; see the messages above.")
    finally:
        waiter.cancel()


async def _drain(master: DumpMaster, gateway: Gateway, limit_s: float) -> None:
    """Stop listening, refuse what comes on open connections, let what is under way finish."""
    gateway.draining = True
    await master.addons.get("proxyserver").servers.update([])
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(gateway.idle(), limit_s)


class ScriptGateway:
    """The gateway for ``mitmdump -s addons/gateway.py``: settings from COATCHECK_CONFIG, listeners from mitmdump."""

    def __init__(self) -> None:
        self.addons: list[object] = []
        self._stack = contextlib.AsyncExitStack()

    def load(self, loader: object) -> None:
        self.settings = load_settings()
        harden()
        authority = _authority(self.settings)
        wanted = _options(self.settings, [], authority)
        del wanted["mode"]
        from addons import http_stream

        http_stream.install()
        ctx.options.update(**{name: value for name, value in wanted.items() if name in ctx.options})

    async def running(self) -> None:
        built = await self._stack.enter_async_context(parts(self.settings, lambda decision: None))
        listeners = [Listener(at[0], at[1]) for at in ctx.master.addons.get("proxyserver").listen_addrs()]
        self.addons.append(Gateway(self.settings, built.pipeline, admission_for(self.settings, listeners)))

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Until the parts are up, nothing passes: mitmdump listens before ``running``."""
        if not self.addons:
            flow.response = http.Response.make(503, b"The gateway is starting.\n", {"content-type": "text/plain"})

    async def done(self) -> None:
        await self._stack.aclose()
