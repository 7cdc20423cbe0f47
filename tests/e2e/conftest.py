"""Fixtures shared by the end-to-end tests: one provider double and one gateway process for the whole session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anthropic
import openai
import pytest

from tests.doubles.other_providers import OtherProviders
from tests.doubles.provider import Provider
from tests.e2e.harness import GatewayProcess


@pytest.fixture(scope="session", autouse=True)
def gateways_databases(request: pytest.FixtureRequest) -> Iterator[None]:
    """With ``--database=postgresql`` each gateway whose test names no database has one on the session's server."""
    if request.config.getoption("--database") != "postgresql":
        yield
        return
    server, template = request.getfixturevalue("postgresql"), request.getfixturevalue("migrated_template")
    GatewayProcess.new_database = staticmethod(lambda: server.url(server.new_database(template)))
    yield
    GatewayProcess.new_database = None


@pytest.fixture(scope="session")
def running_provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def provider(running_provider: Provider) -> Provider:
    """The double, as if newly started."""
    running_provider.clear()
    return running_provider


@pytest.fixture(scope="session")
def gateway(running_provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A forward proxy with its defaults, in front of the double."""
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), running_provider) as process:
        yield process


@pytest.fixture(scope="session")
def running_others() -> Iterator[OtherProviders]:
    with OtherProviders() as provider:
        yield provider


@pytest.fixture
def others(running_others: OtherProviders) -> OtherProviders:
    """The double of Google, Mistral, Cohere and Ollama, as if newly started."""
    running_others.clear()
    return running_others


@pytest.fixture(scope="session")
def others_gateway(
    running_others: OtherProviders, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A forward proxy with its defaults, in front of that double."""
    to = {"resolve_to": f"127.0.0.1:{running_others.port}", "ca_file": str(running_others.ca)}
    changes = {"upstreams": dict.fromkeys(("google", "vertex", "mistral", "cohere", "ollama"), to)}
    with GatewayProcess(tmp_path_factory.mktemp("others"), None, changes) as process:
        yield process


@pytest.fixture
def oai(gateway: GatewayProcess, provider: Provider) -> Iterator[openai.OpenAI]:
    """The stock OpenAI client through the gateway."""
    http = openai.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
    with openai.OpenAI(api_key="sk-test-1", max_retries=0, http_client=http) as client:
        yield client


@pytest.fixture
def claude(gateway: GatewayProcess, provider: Provider) -> Iterator[anthropic.Anthropic]:
    """The stock Anthropic client through the gateway."""
    http = anthropic.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
    with anthropic.Anthropic(api_key="sk-ant-test-1", max_retries=0, http_client=http) as client:
        yield client


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory for a gateway of one test's own."""
    return tmp_path / "gateway"
