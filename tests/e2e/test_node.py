"""npm's ``openai``, ``@anthropic-ai/sdk`` and ``ai``, unchanged, through the gateway: nothing planted leaves."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.doubles.provider import Provider
from tests.e2e.commands import installed, through
from tests.e2e.harness import GatewayProcess, clean_environment
from tests.e2e.leaks import leaked
from tests.e2e.test_openai import CHINESE, ENGLISH, PLANTED

PROGRAMS = Path(__file__).parent / "node"
KEYS = {"OPENAI_API_KEY": "sk-test-1", "ANTHROPIC_API_KEY": "sk-ant-test-1"}
INSTALL_LIMIT_S = 300


@pytest.fixture(scope="session")
def node() -> str:
    return installed("node")


@pytest.fixture(scope="session")
def programs(node: str, request: pytest.FixtureRequest) -> Path:
    """The programs with their locked packages, in pytest's cache: installed once for each lock file."""
    npm = installed("npm")
    lock = (PROGRAMS / "package-lock.json").read_bytes()
    there = Path(request.config.cache.mkdir("node")) / hashlib.sha256(lock).hexdigest()[:16]
    complete = there / "node_modules" / ".complete"
    shutil.copytree(PROGRAMS, there, ignore=shutil.ignore_patterns("node_modules"), dirs_exist_ok=True)
    if not complete.exists():
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=there,
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_LIMIT_S,
        )
        assert done.returncode == 0, f"npm ci failed:\n{done.stderr}"
        complete.touch()
    return there


@pytest.fixture(scope="module")
def plain():
    with Provider(plain=True) as provider:
        yield provider


@pytest.fixture(scope="module")
def base(plain, tmp_path_factory):
    """The address of a base-URL gateway."""
    with GatewayProcess(tmp_path_factory.mktemp("node"), None, {}, ["--reverse", plain.url]) as gateway:
        yield gateway.base_urls[0]


def check(output: str, text: str) -> None:
    answer = json.loads(output)
    assert answer["whole"] == answer["streamed"] == f"You wrote: {text}"
    assert answer["tool"]["text"] == text
    assert json.loads(answer["tool"]["nested"]["json"])["text"] == text


def at_base_url(base: str, command: list[str], folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run a program that knows the gateway by its base URL."""
    return subprocess.run(
        command,
        cwd=folder,
        env=clean_environment(**KEYS, OPENAI_BASE_URL=f"{base}/v1", ANTHROPIC_BASE_URL=base),
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize("program", ["openai.mjs", "anthropic.mjs"])
def test_at_a_base_url(node, programs, base, plain, program, text):
    plain.clear()
    done = at_base_url(base, [node, program], programs, text)
    assert done.returncode == 0, done.stderr
    check(done.stdout, text)
    assert len(plain.requests) == 3
    assert leaked(plain.requests, PLANTED) == []


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize("program", ["openai.mjs", "anthropic.mjs"])
def test_through_the_proxy_with_coatcheck_run(node, programs, gateway, provider, program, text):
    done = through(gateway, [node, str(programs / program)], given=text, **KEYS)
    assert done.returncode == 0, done.stderr
    check(done.stdout, text)
    assert len(provider.requests) == 3
    assert {request.header("host") for request in provider.requests} == {f"api.{program.removesuffix('.mjs')}.com"}
    assert leaked(provider.requests, PLANTED) == []


# Vercel's `ai`: by default over OpenAI's Responses API. Its fourth request brings the tool's result back.

OWN_PATHS = {"openai": "/v1/responses", "openai-chat": "/v1/chat/completions", "anthropic": "/v1/messages"}


def check_agent(output: str, text: str) -> None:
    check(output, text)
    assert json.loads(output)["after"] == "The tool said: " + json.dumps(
        {"sent": text}, separators=(",", ":"), ensure_ascii=False
    )


@pytest.mark.parametrize("provider_name", OWN_PATHS)
def test_ai_through_the_proxy_with_coatcheck_run(node, programs, gateway, provider, provider_name):
    text = ENGLISH
    done = through(gateway, [node, str(programs / "ai.mjs"), provider_name], given=text, **KEYS)
    assert done.returncode == 0, done.stderr
    check_agent(done.stdout, text)
    assert [request.path for request in provider.requests] == [OWN_PATHS[provider_name]] * 4
    assert leaked(provider.requests, PLANTED) == []


@pytest.mark.parametrize("provider_name", OWN_PATHS)
def test_ai_at_a_base_url(node, programs, base, plain, provider_name):
    plain.clear()
    done = at_base_url(base, [node, "ai.mjs", provider_name], programs, CHINESE)
    assert done.returncode == 0, done.stderr
    check_agent(done.stdout, CHINESE)
    assert len(plain.requests) == 4
    assert leaked(plain.requests, PLANTED) == []
