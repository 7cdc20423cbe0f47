"""The provider double on the wire: it misbehaves exactly when told to, speaks HTTP/2 too, and runs by itself."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.doubles.provider import Provider

ROOT = Path(__file__).parents[1]
TEXT = "Write to 张伟 at zhang.wei@example.com about PERSON_7KQ2M4XB 🧥"
PLAIN = [{"role": "user", "content": TEXT}]


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def modern() -> Iterator[Provider]:
    with Provider(over_http2=True) as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.clear()
    return running


@pytest.fixture
def trust(provider: Provider) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=provider.ca)


@pytest.fixture
def raw(provider: Provider, trust: ssl.SSLContext) -> Iterator[httpx.Client]:
    headers = {"authorization": "Bearer k", "anthropic-version": "2023-06-01"}
    with httpx.Client(base_url=provider.url, verify=trust, headers=headers, trust_env=False) as client:
        yield client


class TestMisbehaves:
    BODY = json.dumps({"model": "m", "messages": PLAIN}).encode()
    STREAM = json.dumps({"model": "m", "messages": PLAIN, "stream": True}).encode()

    @pytest.fixture
    def good(self, raw: httpx.Client, provider: Provider) -> dict[bytes, bytes]:
        """The whole bodies of undisturbed replies."""
        found = {}
        for body in (self.BODY, self.STREAM):
            provider.clear()
            found[body] = raw.post("/v1/chat/completions", content=body).content
        provider.clear()
        return found

    @pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
    @pytest.mark.parametrize("body", [BODY, STREAM])
    def test_codings_nobody_asked_for(
        self, raw: httpx.Client, provider: Provider, good: dict[bytes, bytes], coding: str, body: bytes
    ) -> None:
        provider.next(encoding=coding)
        headers = {"accept-encoding": "identity"}
        with raw.stream("POST", "/v1/chat/completions", content=body, headers=headers) as reply:
            sent = b"".join(reply.iter_raw())
        assert reply.headers["content-encoding"] == coding
        assert sent != good[body]
        provider.clear()
        provider.next(encoding=coding)
        assert raw.post("/v1/chat/completions", content=body).content == good[body]

    @pytest.mark.parametrize("manner", [{"chunk": 1}, {"chunk": 7}, {"wire": 3}, {"no_length": True}, {"delay_ms": 5}])
    @pytest.mark.parametrize("body", [BODY, STREAM])
    def test_cuts_and_framing_leave_the_body_as_it_is(
        self, raw: httpx.Client, provider: Provider, good: dict[bytes, bytes], manner: dict[str, int], body: bytes
    ) -> None:
        provider.next(**manner)
        reply = raw.post("/v1/chat/completions", content=body)
        assert reply.content == good[body]
        assert ("content-length" in reply.headers) == (body == self.BODY and not {"chunk", "no_length"} & set(manner))

    @pytest.mark.parametrize("body", [BODY, STREAM])
    def test_hangs_up(self, raw: httpx.Client, provider: Provider, body: bytes) -> None:
        provider.next(hang_up_after=3)
        with pytest.raises(httpx.RemoteProtocolError):
            raw.post("/v1/chat/completions", content=body)
        assert raw.post("/v1/chat/completions", content=body).status_code == 200

    def test_truncates(self, raw: httpx.Client, provider: Provider, good: dict[bytes, bytes]) -> None:
        provider.next(truncate=True)
        cut = raw.post("/v1/chat/completions", content=self.BODY).content
        assert cut == good[self.BODY][: len(cut)]
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            json.loads(cut)
        provider.next(truncate=True)
        assert b"[DONE]" not in raw.post("/v1/chat/completions", content=self.STREAM).content

    def test_breaks_one_event(self, raw: httpx.Client, provider: Provider) -> None:
        provider.next(broken_after=2)
        events = raw.post("/v1/chat/completions", content=self.STREAM).text.split("\n\n")
        with pytest.raises(ValueError, match="Unterminated"):
            json.loads(events[2].removeprefix("data: "))
        assert events[-2] == "data: [DONE]"

    def test_lies_about_the_content_type(self, raw: httpx.Client, provider: Provider) -> None:
        provider.next(content_type="text/html")
        assert raw.post("/v1/chat/completions", content=self.BODY).headers["content-type"] == "text/html"

    def test_escapes_what_is_not_ascii(self, raw: httpx.Client, provider: Provider) -> None:
        provider.next(ascii=True)
        reply = raw.post("/v1/chat/completions", content=self.BODY)
        assert reply.content.isascii()
        assert reply.json()["choices"][0]["message"]["content"] == f"You wrote: {TEXT}"

    def test_a_manner_that_does_not_exist_is_told(self, raw: httpx.Client, provider: Provider) -> None:
        with pytest.raises(ValueError, match="no hang_on"):
            provider.next(hang_on=1)
        assert raw.post("/_double/next", json={"hang_on": 1}).status_code == 400


class TestOverHttp2:
    @pytest.fixture
    def client(self, modern: Provider) -> Iterator[httpx.Client]:
        modern.clear()
        trust = ssl.create_default_context(cafile=modern.ca)
        headers = {"authorization": "Bearer k"}
        with httpx.Client(
            base_url=modern.url, verify=trust, headers=headers, http1=False, http2=True, trust_env=False
        ) as one:
            yield one

    @pytest.mark.parametrize("manner", [{}, {"chunk": 1}, {"encoding": "br"}, {"no_length": True}])
    @pytest.mark.parametrize("stream", [False, True])
    def test_says_the_same_as_over_http1(
        self, modern: Provider, client: httpx.Client, raw: httpx.Client, manner: dict[str, object], stream: bool
    ) -> None:
        sent = {"model": "m", "messages": PLAIN, "stream": stream}
        modern.next(**manner)
        reply = client.post("/v1/chat/completions", json=sent)
        assert reply.http_version == "HTTP/2"
        assert reply.content == raw.post("/v1/chat/completions", json=sent).content
        assert json.loads(modern.requests[0].body) == sent
        assert modern.requests[0].path == "/v1/chat/completions"

    def test_a_reply_larger_than_the_windows(self, client: httpx.Client) -> None:
        text = "x" * 300_000
        sent = {"messages": [{"role": "user", "content": text}]}
        assert text in client.post("/v1/chat/completions", json=sent).text

    def test_hanging_up_resets_the_stream_alone(self, modern: Provider, client: httpx.Client) -> None:
        sent = {"messages": PLAIN, "stream": True}
        modern.next(hang_up_after=2)
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/v1/chat/completions", json=sent)
        assert client.post("/v1/chat/completions", json=sent).text.endswith("data: [DONE]\n\n")
        assert modern.connections == 1

    def test_http1_is_still_spoken(self, modern: Provider) -> None:
        trust = ssl.create_default_context(cafile=modern.ca)
        reply = httpx.get(f"{modern.url}/v1/models", verify=trust, headers={"authorization": "Bearer k"})
        assert (reply.http_version, reply.status_code) == ("HTTP/1.1", 200)


class TestByItself:
    def test_as_a_process_with_its_control_endpoint(self) -> None:
        command = [sys.executable, "-m", "tests.doubles.provider", "--plain"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            try:
                with httpx.Client(base_url=told["url"], trust_env=False) as client:
                    assert client.post("/_double/next", json=[{"status": 429}, {}]).json() == {"queued": 2}
                    for status in (429, 200):
                        sent = {"messages": PLAIN}
                        reply = client.post("/v1/chat/completions", json=sent, headers={"authorization": "Bearer k"})
                        assert reply.status_code == status
                    seen = client.get("/_double/requests").json()
                    assert [one["path"] for one in seen] == ["/v1/chat/completions"] * 2
                    assert json.loads(seen[0]["text"]) == {"messages": PLAIN}
                    client.post("/_double/clear")
                    assert client.get("/_double/requests").json() == []
            finally:
                process.terminate()
        assert process.returncode == 0

    def test_its_certificate_names_the_providers(self, provider: Provider, trust: ssl.SSLContext) -> None:
        for name in ("api.openai.com", "api.anthropic.com"):
            with (
                socket.create_connection(("127.0.0.1", provider.port)) as plain,
                trust.wrap_socket(plain, server_hostname=name) as secured,
            ):
                body = json.dumps({"messages": PLAIN}).encode()
                head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {name}\r\nauthorization: Bearer k\r\n"
                secured.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                assert secured.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        assert [one.server_name for one in provider.requests] == ["api.openai.com", "api.anthropic.com"]

    def test_a_busy_port_is_an_error(self, provider: Provider) -> None:
        with pytest.raises(OSError, match="address"):
            Provider(port=provider.port, plain=True).start()

    def test_chunked_requests_are_read(self, raw: httpx.Client, provider: Provider) -> None:
        body = TestMisbehaves.BODY
        parts = (body[at : at + 9] for at in range(0, len(body), 9))
        assert raw.post("/v1/chat/completions", content=parts).status_code == 200
        assert provider.requests[0].body == body
