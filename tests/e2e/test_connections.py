"""It calls nobody else: all connections of a running gateway, by Python or a C library, lead where its settings say."""

from __future__ import annotations

import contextlib
import ipaddress
import subprocess
import sys
import sysconfig
from pathlib import Path

import openai
import pytest

from tests.doubles.provider import Provider
from tests.e2e.harness import GatewayProcess, clean_environment
from tests.e2e.raw import chat, request, through_proxy

AUDIT_HOOK = """
import os, sys

def watch(event, arguments):
    if event == "socket.connect":
        where = arguments[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        where = arguments[:2] if event == "socket.getaddrinfo" else (arguments[0], 0)
    elif event == "socket.sendto":
        where = arguments[1]
    else:
        return
    if not isinstance(where, tuple):
        return
    line = f"{event} {where[0] or '-'} {where[1] or 0}\\n".encode()
    file = os.open(os.environ["WATCH_CONNECTIONS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, line)
    os.close(file)

sys.addaudithook(watch)
"""

TEXT = (
    "Write to a@example.photography, b@mail.example.co.uk, 王@例子.中国, c@example.xn--fiqs8s and d@host.internal. "
    "See https://example.org/path?q=1, http://sub.domain.example.museum/, ftp://example.net, www.example.com, "
    "https://maria:pw@example.com:8443/x and 198.51.100.7; DNS for db.example.internal is 192.0.2.53."
)


@pytest.fixture(scope="module")
def shim(tmp_path_factory) -> Path:
    library = tmp_path_factory.mktemp("shim") / "watch.so"
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    source = Path(__file__).with_name("watch_connections.c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return library


def watched(log: Path) -> set[tuple[str, str, int]]:
    found = set()
    for line in log.read_text(encoding="utf-8").splitlines():
        how, where, port = line.rsplit(" ", 2)
        found.add((how, where.strip("b'"), int(port)))
    return found


def preloaded(patch: pytest.MonkeyPatch, directory: Path, shim: Path) -> Path:
    """Set up our environment so that a child of ours is watched; answers the log."""
    directory.mkdir()
    (directory / "sitecustomize.py").write_text(AUDIT_HOOK, encoding="utf-8")
    log = directory / "connections"
    log.touch()
    patch.setenv("PYTHONPATH", str(directory))
    patch.setenv("LD_PRELOAD", str(shim))
    patch.setenv("WATCH_CONNECTIONS", str(log))
    return log


def test_a_running_gateway_connects_to_its_upstreams_only(tmp_path, shim):
    with Provider() as provider, Provider(plain=True) as local:
        rule = {"name": "health", "when": {"entities": ["UK_NHS"]}, "action": "reroute", "to": "local"}
        changes = {
            "onprem": {"local": {"url": local.url, "api_key_env": "LOCAL_KEY"}},
            "policy": {"rules": [rule]},
        }
        with pytest.MonkeyPatch.context() as patch:
            log = preloaded(patch, tmp_path / "site", shim)
            patch.setenv("LOCAL_KEY", "local-key-1")
            patch.setenv("TMPDIR", str(tmp_path))
            gateway = GatewayProcess(tmp_path / "gateway", provider, changes)
            gateway.__enter__()
        with contextlib.ExitStack() as stack:
            stack.push(gateway.__exit__)
            http = openai.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
            with openai.OpenAI(api_key="sk-test-1", max_retries=0, http_client=http) as client:
                for text in (TEXT, f"{TEXT} NHS number 943 476 5919"):
                    ask = [{"role": "user", "content": text}]
                    client.chat.completions.create(model="gpt-4o", messages=ask)
                    list(client.chat.completions.create(model="gpt-4o", messages=ask, stream=True))
            through_proxy(gateway.proxy, gateway.trust, request(b"{" + TEXT.encode()))
            through_proxy(gateway.proxy, gateway.trust, request(chat(TEXT), path="/v1/unheard-of"))
            gateway.health()
            gateway.metrics()
            proxy, admin = (int(url.rpartition(":")[2]) for url in (gateway.proxy, gateway.admin))
        assert len(provider.requests) >= 3
        assert local.requests
        allowed = {provider.port, local.port}
        listening = {proxy, admin, 0}
    seen = watched(log)
    assert {("connect", "127.0.0.1", port) for port in allowed} <= seen, "C's connections are seen"
    assert ("socket.connect", "127.0.0.1", provider.port) in seen, "Python's connections are seen"
    strange = set()
    for how, where, port in seen:
        try:
            loopback = ipaddress.ip_address(where).is_loopback
        except ValueError:
            loopback = where in ("localhost", "-")
        fine = port in allowed if "connect" in how or "send" in how else port in allowed | listening
        if not (loopback and fine):
            strange.add((how, where, port))
    assert strange == set()
    assert not list(tmp_path.glob(".ses")), "ONNX Runtime's telemetry is asleep"


def test_the_watch_sees_what_a_library_does(tmp_path, shim, monkeypatch):
    log = preloaded(monkeypatch, tmp_path / "site", shim)
    script = (
        "import ctypes, socket; libc = ctypes.CDLL(None); "
        "libc.getaddrinfo(b'127.0.0.9', b'9', None, ctypes.byref(ctypes.c_void_p())); "
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.8', 8))"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, env=clean_environment())
    seen = watched(log)
    assert {("getaddrinfo", "127.0.0.9", 9), ("connect", "127.0.0.8", 8), ("socket.connect", "127.0.0.8", 8)} <= seen
