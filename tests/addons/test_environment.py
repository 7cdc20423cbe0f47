"""The variables for a program behind the gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.environment import loopback_for, proxy_environment, without_gateway_hosts

STORE = Path("/state/ca/truststore.p12")
HOSTS = ("api.anthropic.com", "api.openai.com", "*.llm.example.com")


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "api.openai.com",
        "API.OpenAI.com",
        ".openai.com",
        "*.openai.com",
        "openai.com",
        "com",
        "api.openai.com:443",
        "eu.llm.example.com",
        "example.com",
        "api.openai.com.",
    ],
)
def test_an_entry_that_leads_past_the_gateway_is_dropped(entry: str) -> None:
    kept, dropped = without_gateway_hosts({"NO_PROXY": f"intranet.example.org, {entry}"}, HOSTS)
    assert (kept, dropped) == (["intranet.example.org"], [entry])


@pytest.mark.parametrize(
    "entry", ["intranet.example.org", ".example.org", "192.0.2.0/24", "[::1]:80", "openai.com.example.org", "i.com"]
)
def test_other_entries_stay(entry: str) -> None:
    assert without_gateway_hosts({"no_proxy": entry}, HOSTS) == ([entry], [])


def test_both_spellings_count_once() -> None:
    kept, _ = without_gateway_hosts({"NO_PROXY": "a.example.org,b.example.org", "no_proxy": "b.example.org,,"}, HOSTS)
    assert kept == ["a.example.org", "b.example.org"]


def test_the_proxy_is_named_in_all_spellings_and_loopback_is_left_out() -> None:
    added = proxy_environment("::1", 8080, STORE, {})
    assert {added[name] for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "grpc_proxy")} == {
        "http://[::1]:8080"
    }
    assert added["NO_PROXY"] == added["no_proxy"] == "localhost,127.0.0.1,::1"


def test_java_options_are_added_to_and_survive_a_space_in_the_path() -> None:
    added = proxy_environment("127.0.0.1", 8080, Path("/my state/t.p12"), {"JAVA_TOOL_OPTIONS": "-Xmx1g"})
    options = added["JAVA_TOOL_OPTIONS"]
    assert options.startswith("-Xmx1g -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8080 ")
    assert ' "-Djavax.net.ssl.trustStore=/my state/t.p12" ' in options


@pytest.mark.parametrize(
    ("bound", "reached"), [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")]
)
def test_where_a_listener_is_reached(bound: str, reached: str) -> None:
    assert loopback_for(bound) == reached
