"""The rerouted request: where it goes, and what of the client's does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.reroute.targets import PATHS, Rerouted, RerouteError, rewrite, speaks
from addons.settings_sections import OnPrem

BODY = b'{"model": "SmolLM2",  "messages": []}'


def send(
    endpoint: str = "openai.chat",
    *,
    method: str = "POST",
    path: str = "/v1/chat/completions",
    headers: list[tuple[str, str]] | None = None,
    body: bytes = BODY,
    **target: Any,
) -> Rerouted:
    server = OnPrem.model_validate({"url": "http://127.0.0.1:8082", **target})
    return rewrite("local", server, endpoint, method, path, headers or [], body)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8082", ("http", "127.0.0.1", 8082, "/v1/chat/completions")),
        ("http://127.0.0.1:8082/v1", ("http", "127.0.0.1", 8082, "/v1/chat/completions")),
        ("https://llm.example.com/team/a/", ("https", "llm.example.com", 443, "/team/a/v1/chat/completions")),
        ("http://[2001:db8::1]", ("http", "2001:db8::1", 80, "/v1/chat/completions")),
    ],
)
def test_where_it_goes(url: str, expected: tuple[str, str, int, str]) -> None:
    sent = send(url=url)
    assert (sent.scheme, sent.host, sent.port, sent.target) == expected


def test_the_endpoint_says_the_path_and_the_query_is_dropped() -> None:
    sent = send(path="/openai/deployments/d/chat/completions?api-version=1&key=k")
    assert sent.target == "/v1/chat/completions"
    assert (
        send("anthropic.count_tokens", path="/v1/messages/count_tokens?beta=true").target == "/v1/messages/count_tokens"
    )


def test_an_untouched_body_keeps_its_bytes() -> None:
    assert send().body is BODY


CREDENTIALS = [
    "Authorization",
    "x-api-key",
    "api-key",
    "Cookie",
    "Proxy-Authorization",
    "OpenAI-Organization",
    "OpenAI-Project",
    "anthropic-beta",
    "x-goog-api-key",
    "X-Amz-Security-Token",
    "Helicone-Auth",
    "x-user-email",
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Content-Encoding",
]


@pytest.mark.parametrize("name", CREDENTIALS)
def test_no_credential_of_the_client_crosses(name: str) -> None:
    sent = send(headers=[(name, "sk-canary"), ("Content-Type", "application/json")])
    assert sent.headers == (("Content-Type", "application/json"),)


@given(st.lists(st.tuples(st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=30), st.just("canary"))))
def test_only_what_is_listed_stays(headers: list[tuple[str, str]]) -> None:
    listed = {
        "accept",
        "anthropic-version",
        "content-type",
        "idempotency-key",
        "traceparent",
        "tracestate",
        "user-agent",
        "x-request-id",
    }
    assert {name for name, _ in send(headers=headers).headers} <= listed


class TestKey:
    def test_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOCAL_KEY", " own-key\n")
        sent = send(api_key_env="LOCAL_KEY", headers=[("authorization", "Bearer theirs")])
        assert sent.headers == (("authorization", "Bearer own-key"),)

    def test_from_a_file_and_in_anthropics_header_too(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text("own-key\n")
        sent = send("anthropic.messages", api_key_file=tmp_path / "key")
        assert sent.headers == (("authorization", "Bearer own-key"), ("x-api-key", "own-key"))

    def test_a_new_key_in_the_file_is_in_force_at_once(self, tmp_path: Path) -> None:
        file = tmp_path / "key"
        for key in ("one", "two"):
            file.write_text(key)
            assert send(api_key_file=file).headers == (("authorization", f"Bearer {key}"),)

    @pytest.mark.parametrize("content", ["", "  \n", "two\nlines", "schlüssel"])
    def test_a_key_that_cannot_be_used_is_an_error_that_does_not_tell_it(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "key").write_text(content)
        with pytest.raises(RerouteError) as caught:
            send(api_key_file=tmp_path / "key")
        assert (caught.value.code, caught.value.status) == ("reroute_key", 500)
        assert "`api_key_file`" in caught.value.message and (not content.strip() or content not in caught.value.message)

    def test_a_missing_file_or_variable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("LOCAL_KEY", raising=False)
        for target in ({"api_key_file": tmp_path / "none"}, {"api_key_env": "LOCAL_KEY"}):
            with pytest.raises(RerouteError, match="missing or cannot be used"):
                send(**target)

    def test_it_is_not_in_the_representation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOCAL_KEY", "own-key")
        assert "own-key" not in repr(send(api_key_env="LOCAL_KEY"))


class TestSpeaks:
    def test_all_of_a_provider_or_single_endpoints(self) -> None:
        openai = OnPrem(url="http://127.0.0.1", speaks=("openai",))
        assert speaks(openai, "openai.chat") and not speaks(openai, "anthropic.messages")
        single = OnPrem(url="http://127.0.0.1", speaks=("anthropic.messages",))
        assert speaks(single, "anthropic.messages") and not speaks(single, "anthropic.count_tokens")

    @pytest.mark.parametrize("endpoint", ["generic", "openai", "openai.realtime", ""])
    def test_what_has_no_path_cannot_be_spoken(self, endpoint: str) -> None:
        assert not speaks(OnPrem(url="http://127.0.0.1"), endpoint)

    def test_the_refusal_names_both(self) -> None:
        with pytest.raises(RerouteError, match=r"'local' there does not speak anthropic\.messages") as caught:
            send("anthropic.messages", speaks=["openai"])
        assert (caught.value.code, caught.value.status) == ("reroute_unsupported", 400)

    def test_only_posts(self) -> None:
        with pytest.raises(RerouteError, match="Only POST"):
            send(method="GET")

    @pytest.mark.parametrize("endpoint", sorted(PATHS))
    def test_every_path_has_its_fields(self, endpoint: str) -> None:
        assert (
            json.loads(send(endpoint, body=b'{"user": "u", "metadata": {"user_id": "u"}, "model": "m"}').body)["model"]
            == "m"
        )
