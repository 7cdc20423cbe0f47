"""The gateway's own AWS keys: environment, profile, assumed role; what is missing is said at start."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from addons.aws_keys import AwsKeyring, AwsKeysError
from addons.settings import Settings
from addons.settings_sections import Upstream
from addons.signing import AwsKeys, SigningRefused
from tests.doubles import sigv4
from tests.hidden import hide

ROLE = "arn:aws:iam::111122223333:role/llm"
HOST = "bedrock-runtime.eu-west-1.amazonaws.com"


def keyring(**aws: Any) -> AwsKeyring:
    return AwsKeyring({"bedrock": Upstream.model_validate({"provider": "bedrock", "hosts": [HOST], "aws": aws})})


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOURS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "our secret")


async def test_no_section_no_keys() -> None:
    assert await AwsKeyring(Settings().upstreams).keys("bedrock") is None


async def test_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    own(monkeypatch)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "our token")
    found = await keyring(keys="environment").keys("bedrock")
    assert found == AwsKeys("AKIAOURS", "our secret", "our token")
    assert "our secret" not in repr(found) and "our token" not in repr(found)


async def test_of_a_profile(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[llm]\naws_access_key_id=AKIAOURS\naws_secret_access_key=our secret\n")
    assert await keyring(keys="profile", profile="llm").keys("bedrock") == AwsKeys("AKIAOURS", "our secret")


@pytest.mark.parametrize(
    ("aws", "said"),
    [
        ({"keys": "environment"}, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is not set"),
        ({"keys": "role", "role_arn": ROLE}, "AWS_ACCESS_KEY_ID"),
        ({"keys": "profile", "profile": "llm"}, "ProfileNotFound"),
    ],
)
def test_what_is_not_there_is_said_at_start(aws: dict[str, Any], said: str) -> None:
    with pytest.raises(AwsKeysError, match=said):
        keyring(**aws)


def test_a_profile_without_keys_asks_no_metadata_service(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile llm]\nregion=eu-west-1\n")
    with pytest.raises(AwsKeysError, match="no profile 'llm' with keys"):
        keyring(keys="profile", profile="llm")


@pytest.mark.parametrize(
    "aws",
    [
        {"keys": "profile"},
        {"keys": "role"},
        {"keys": "environment", "role_arn": ROLE},
        {"keys": "environment", "profile": "llm"},
        {"keys": "role", "role_arn": "llm"},
        {"keys": "environment", "region": "eu_west_1"},
    ],
)
def test_what_contradicts_itself(aws: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        keyring(**aws)


def test_without_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "botocore")
    with pytest.raises(AwsKeysError, match="pip install botocore"):
        keyring(keys="environment")


class Sts(BaseHTTPRequestHandler):
    """AssumeRole, for whoever signs with our keys; keeps what it was asked."""

    asked: list[dict[str, list[str]]]
    fails = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        sigv4.verify("POST", self.path, self.headers.items(), body, {"AKIAOURS": "our secret"})
        self.asked.append(parse_qs(body.decode()))
        until = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            "<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role secret</SecretAccessKey>"
            f"<SessionToken>role token</SessionToken><Expiration>{until}</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ).encode()
        self.send_response(403 if self.fails else 200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


@pytest.fixture
def sts() -> Iterator[tuple[str, type[Sts]]]:
    handler = type("Handler", (Sts,), {"asked": [], "fails": False})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()
        thread.join()


async def test_of_an_assumed_role_once_for_many(monkeypatch: pytest.MonkeyPatch, sts: Any) -> None:
    own(monkeypatch)
    url, handler = sts
    ring = keyring(keys="role", role_arn=ROLE, external_id="x-1", sts_url=url)
    assert handler.asked == []
    for _ in range(3):
        assert await ring.keys("bedrock") == AwsKeys("ASIAROLE", "role secret", "role token")
    (asked,) = handler.asked
    assert (asked["RoleArn"], asked["ExternalId"], asked["RoleSessionName"]) == ([ROLE], ["x-1"], ["coatcheck"])


async def test_a_role_that_is_not_given_is_a_refusal(monkeypatch: pytest.MonkeyPatch, sts: Any) -> None:
    own(monkeypatch)
    url, handler = sts
    handler.fails = True
    with pytest.raises(SigningRefused) as caught:
        await keyring(keys="role", role_arn=ROLE, sts_url=url).keys("bedrock")
    assert (caught.value.status, caught.value.code) == (503, "aws_keys_unavailable")
    assert "secret" not in caught.value.message
