"""Signing in through an identity provider on loopback: the right way, and each thing that can be wrong with it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from audit.errors import AuditError
from audit.web.app import create_app
from audit.web.desk import Desk
from audit.web.oidc_flows import LASTS_S, MAX_FLOWS, Flow, Flows
from audit.web.oidc_issuer import Issuer as OurSide
from audit.web.oidc_settings import OidcSettings, load_oidc_settings
from audit.web.reads import read_page
from audit.web.sessions import Sessions
from audit.web.tokens import hash_of
from audit.web.words import LANGUAGES, Words
from tests.audit.web.conftest import ADDRESS, form_token
from tests.audit.web.issuer import CLIENT, SECRET, Issuer, serving

BROWSER = httpx.Client(verify=False, trust_env=False)
FAILURES = ("denied", "lost", "untrusted", "no_role", "unreachable")


@pytest.fixture(scope="module")
def running() -> Iterator[Issuer]:
    with serving() as issuer:
        yield issuer


@pytest.fixture
def issuer(running: Issuer) -> Issuer:
    running.reset()
    return running


def settings(issuer: Issuer, **more: Any) -> OidcSettings:
    return OidcSettings.model_validate(
        {"issuer": issuer.address, "client_id": CLIENT, "client_secret_env": "X", "role_claim": "groups",
         "roles": {"auditor": ["privacy-audit"], "admin": ["privacy-admin"]}} | more
    )  # fmt: skip


@pytest.fixture
def door(desk: Desk, issuer: Issuer) -> Iterator[Callable[..., TestClient]]:
    """A browser before a server that knows this issuer."""
    made: list[Any] = []

    def open_door(**more: Any) -> TestClient:
        desk.issuer, desk.flows, desk.sessions = OurSide(settings(issuer, **more), SECRET), Flows(), Sessions()
        desk.asking._buckets.clear()
        client = TestClient(create_app(desk), base_url=ADDRESS, follow_redirects=False)  # type: ignore[arg-type]
        made.extend((desk.issuer, client))
        return client

    yield open_door
    for one in made:
        one.close()
    desk.issuer = None


def go(client: TestClient, target: str = "/records?limit=3") -> str:
    """To the issuer and back: the address that the browser is sent to."""
    away = client.get("/sign-in/oidc", params={"next": target})
    assert away.status_code == 303, away.text
    return BROWSER.get(away.headers["location"]).headers["location"]


def back(client: TestClient, address: str) -> Any:
    return client.get(address, headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate",
                                        "sec-fetch-dest": "document"})  # fmt: skip


def refused(client: TestClient, reason: str, status: int, caplog: pytest.LogCaptureFixture, said: str) -> None:
    """The way to the issuer and back ends at the sign-in page, which says so; the log says why; nobody is let in."""
    answer = back(client, go(client))
    assert answer.status_code == status
    assert Words("en")(f"sign_in.oidc.{reason}") in answer.text
    assert said in caplog.text and "ann@example.com" not in answer.text + caplog.text
    assert "coatcheck_session" not in client.cookies
    assert client.get("/records").status_code == 401


def test_the_right_way(door: Callable[..., TestClient], issuer: Issuer, desk: Desk) -> None:
    client = door()
    page = client.get("/records?limit=3")
    assert page.status_code == 401 and "/sign-in/oidc?next=%2Frecords%3Flimit%3D3" in page.text
    asked = parse_qs(urlsplit(client.get("/sign-in/oidc").headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["response_type"] == ["code"]
    assert asked["redirect_uri"] == [f"{ADDRESS}/sign-in/oidc/callback"] and asked["scope"] == ["openid"]
    answer = back(client, go(client))
    assert answer.status_code == 200 and answer.headers["referrer-policy"] == "no-referrer"
    assert 'content="0;url=/records?limit=3"' in answer.text
    cookies = answer.headers.get_list("set-cookie")
    assert any("coatcheck_session=" in one and "SameSite=strict" in one and "HttpOnly" in one for one in cookies)
    records = client.get("/records?limit=3")
    assert records.status_code == 200 and "李 Ann" in records.text
    (read,) = read_page(desk.database, None, 1)
    assert (read.reader, read.role, read.via) == ("oidc:248289761001", "auditor", "page")
    assert client.get("/reads").status_code == 403
    out = client.post("/sign-out", data={"form_token": form_token(records.text)})
    assert out.headers["location"] == "/signed-out" and client.get("/records").status_code == 401
    assert f"{issuer.address}/end?client_id={CLIENT}" in client.get("/signed-out").text
    assert set(issuer.asked) == {"/.well-known/openid-configuration", "/authorize", "/token", "/keys"}


def test_a_session_ends_when_the_configuration_says(door: Callable[..., TestClient], desk: Desk) -> None:
    client = door(session_minutes=5)
    back(client, go(client))
    (session,) = desk.sessions._sessions.values()
    until = session.identity.until
    assert until is not None and 290 < until.timestamp() - time.time() < 301
    assert desk.sessions.find(client.cookies["coatcheck_session"], until) is None


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nonce": ({"nonce": "another"}, "nonce"),
    "no nonce": ({"nonce": None}, "nonce"),
    "audience": ({"aud": "another"}, "aud"),
    "one audience of several, for another": ({"aud": [CLIENT, "b"], "azp": "b"}, "azp"),
    "several audiences, for nobody": ({"aud": [CLIENT, "b"]}, "azp"),
    "issuer": ({"iss": "https://id.example.com"}, "iss"),
    "expired": ({"exp": int(time.time()) - 61}, "exp"),
    "no end": ({"exp": None}, "exp"),
    "an end that is text": ({"exp": "2099"}, "exp"),
    "issued tomorrow": ({"iat": int(time.time()) + 86_400}, "iat"),
    "issued yesterday": ({"iat": int(time.time()) - 86_400}, "iat"),
    "not yet": ({"nbf": int(time.time()) + 3600}, "nbf"),
    "no subject": ({"sub": None}, "sub"),
    "a subject that acts": ({"sub": "a\nb"}, "sub"),
    "another access token": ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "at_hash"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_claims_that_are_wrong(
    wrong: str, door: Callable[..., TestClient], issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.claims, said = WRONG[wrong]
    refused(door(), "untrusted", 401, caplog, f"the ID token: {said}.")


def test_the_clocks_may_differ_a_little(door: Callable[..., TestClient], issuer: Issuer) -> None:
    now = int(time.time())
    issuer.claims = {"exp": now - 20, "iat": now + 20}
    client = door(clock_skew_s=0)
    assert back(client, go(client)).status_code == 401
    client = door(clock_skew_s=60)
    assert back(client, go(client)).status_code == 200


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS512", "PS256"])
def test_other_algorithms_and_none(
    algorithm: str, door: Callable[..., TestClient], issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.algorithm = algorithm
    refused(door(), "untrusted", 401, caplog, "the ID token: alg.")


def test_signatures_that_are_not_the_issuer_s(
    door: Callable[..., TestClient], issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    good = issuer.id_token("n")
    header, claims, signature = good.split(".")
    flipped = signature[:-4] + ("AAAA" if signature[-4:] != "AAAA" else "BBBB")
    for sent, said in (
        (f"{header}.{claims}.{flipped}", "signature"),
        (f"{header}.{claims}.", "signature"),
        (f"{header}.{claims}", "form"),
        ("名", "form"),
        ("a" * 40_000, "length"),
    ):
        issuer.sent = sent
        refused(door(), "untrusted", 401, caplog, f"the ID token: {said}.")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_keys_rotate(algorithm: str, door: Callable[..., TestClient], issuer: Issuer) -> None:
    issuer.algorithm = algorithm
    client = door()
    assert back(client, go(client)).status_code == 200
    issuer.rotate()
    assert back(client, go(client)).status_code == 200
    assert issuer.asked.count("/keys") == 2 and issuer.asked.count("/.well-known/openid-configuration") == 1


def test_an_unknown_key_does_not_make_us_ask_without_end(
    door: Callable[..., TestClient], issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.header = {"kid": "nobody's"}
    client = door()
    for _ in range(6):
        refused(client, "untrusted", 401, caplog, "no key")
    assert issuer.asked.count("/keys") == 4


@pytest.mark.parametrize(
    ("claims", "more", "role"),
    [
        ({"groups": ["privacy-admin", "privacy-audit"]}, {}, "admin"),
        ({"groups": "privacy-audit"}, {}, "auditor"),
        ({"groups": ["staff"]}, {}, None),
        ({"groups": None}, {}, None),
        ({"groups": [["privacy-admin"], 7, None]}, {}, None),
        ({"realm_access": {"roles": ["privacy-admin"]}}, {"role_claim": ["realm_access", "roles"]}, "admin"),
        ({"realm_access": ["roles"]}, {"role_claim": ["realm_access", "roles"]}, None),
        ({}, {"allow": {"email_domains": ["Example.com"]}}, "auditor"),
        ({}, {"allow": {"email_domains": ["example.org"]}}, None),
        ({}, {"allow": {"email_domains": ["example.org"], "groups": ["staff"]}}, "auditor"),
        ({"email": "ann@sub.example.com"}, {"allow": {"email_domains": ["example.com"]}}, None),
        ({"email_verified": "true"}, {"allow": {"email_domains": ["example.com"]}}, None),
        ({"email": None}, {"allow": {"email_domains": ["example.com"]}}, None),
        ({"groups": []}, {"allow": {"email_domains": ["example.com"]}, "default_role": "auditor"}, "auditor"),
        ({"groups": []}, {"allow": {"groups": ["staff"]}, "default_role": "auditor"}, None),
    ],
)
def test_who_becomes_what(
    claims: dict[str, Any], more: dict[str, Any], role: str | None, door: Callable[..., TestClient], issuer: Issuer,
    desk: Desk, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    issuer.claims = claims
    client = door(**more)
    if role is None:
        refused(client, "no_role", 403, caplog, "gives no role")
        return
    back(client, go(client))
    assert [str(one.identity.role) for one in desk.sessions._sessions.values()] == [role]


def test_a_state_is_good_once_and_in_its_own_browser(
    door: Callable[..., TestClient], desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    client = door()
    address = go(client)
    assert back(client, address).status_code == 200
    again = back(client, address)
    assert again.status_code == 400 and Words("en")("sign_in.oidc.lost") in again.text
    with TestClient(create_app(desk), base_url=ADDRESS, follow_redirects=False) as other:  # type: ignore[arg-type]
        stolen = go(client)
        assert back(other, stolen).status_code == 400 and "coatcheck_session" not in other.cookies
    assert back(client, stolen).status_code == 400
    for query in ("", "?state=x", "?state=x&code=y", "?code=y", "?state=a&state=b&code=c", "?error=x"):
        assert back(client, f"/sign-in/oidc/callback{query}").status_code == 400
    doubled = go(client)
    assert back(client, doubled + "&code=another").status_code == 400
    assert urlsplit(address).query not in caplog.text


def test_states_grow_old_and_do_not_pile_up() -> None:
    flows = Flows()
    flow = Flow(hash_of("browser"), "n", "v", "r", "/", 100.0)
    assert flows.take(flows.begin(flow), hash_of("browser"), 100.0 + LASTS_S) is None
    states = [flows.begin(flow) for _ in range(MAX_FLOWS + 1)]
    assert flows.take(states[0], hash_of("browser"), 100) is None
    assert flows.take(states[-1], hash_of("browser"), 100) == flow


def test_the_issuer_says_no(door: Callable[..., TestClient], issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    issuer.refuses = True
    refused(door(), "denied", 403, caplog, "an error instead of a code")


def test_the_answer_names_its_issuer(
    door: Callable[..., TestClient], issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.metadata = {"authorization_response_iss_parameter_supported": True}
    client = door()
    refused(client, "untrusted", 401, caplog, "RFC 9207")
    assert back(client, go(client) + "&iss=https%3A%2F%2Fid.example.com").status_code == 401
    assert back(client, go(client) + f"&iss={issuer.address}").status_code == 200


@pytest.mark.parametrize(
    ("metadata", "statuses", "said"),
    [
        ({"issuer": "https://id.example.com"}, {}, "another issuer's"),
        ({"jwks_uri": "https://elsewhere.example.com/keys"}, {}, "jwks_uri"),
        ({"token_endpoint": "http://192.0.2.1/token"}, {}, "token_endpoint"),
        ({"authorization_endpoint": "javascript:1"}, {}, "authorization_endpoint"),
        ({"authorization_endpoint": None}, {}, "authorization_endpoint"),
        ({"end_session_endpoint": ["x"]}, {}, "end_session_endpoint"),
        ({}, {"/.well-known/openid-configuration": 302}, "status 302"),
        ({}, {"/.well-known/openid-configuration": 503}, "status 503"),
        ({"padding": "x" * 300_000}, {}, "too long"),
    ],
)
def test_an_issuer_that_is_not_as_it_should_be(
    metadata: dict[str, Any], statuses: dict[str, int], said: str, door: Callable[..., TestClient], issuer: Issuer,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    issuer.metadata, issuer.statuses = metadata, statuses
    client = door()
    for _ in range(2):  # the second is not asked of the issuer again
        answer = client.get("/sign-in/oidc")
        assert answer.status_code == 503 and Words("en")("sign_in.oidc.unreachable") in answer.text
    assert said in caplog.text and len(issuer.asked) == 1


def test_a_code_or_a_secret_that_the_issuer_refuses(
    door: Callable[..., TestClient], issuer: Issuer, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    client = door()
    assert desk.issuer is not None
    desk.issuer._secret = "wrong"
    refused(client, "untrusted", 401, caplog, "token endpoint answered with status 400")
    issuer.statuses = {"/token": 500}
    refused(client, "unreachable", 503, caplog, "status 500")
    assert "wrong" not in caplog.text


def test_beginning_without_end_is_slowed(door: Callable[..., TestClient]) -> None:
    client = door()
    answers = [client.get("/sign-in/oidc").status_code for _ in range(22)]
    assert answers[0] == 303 and answers[-1] == 429


def test_without_an_issuer_there_is_no_such_way(client: TestClient) -> None:
    for path in ("/sign-in/oidc", "/sign-in/oidc/callback?state=a&code=b", "/signed-out"):
        assert client.get(path).status_code == 404
    assert "oidc" not in client.get("/sign-in").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_languages(language: str, door: Callable[..., TestClient]) -> None:
    client = door(name="示例 ID")
    headers = {"accept-language": language}
    words = Words(language)
    assert words("sign_in.with", name="示例 ID") in client.get("/sign-in", headers=headers).text
    assert words("signed_out.title") in client.get("/signed-out", headers=headers).text
    assert words("sign_in.oidc.lost") in client.get("/sign-in/oidc/callback", headers=headers).text
    assert all(words(f"sign_in.oidc.{reason}") for reason in FAILURES)


GOOD = {"issuer": "https://id.example.com/realms/staff", "client_id": "a", "client_secret_env": "OIDC_SECRET",
        "role_claim": "groups", "roles": {"auditor": ["x"]}}  # fmt: skip


def load(tmp_path: Path, content: str) -> OidcSettings:
    file = tmp_path / "oidc.yaml"
    file.write_text(content, encoding="utf-8")
    return load_oidc_settings(file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"issuer": "http://id.example.com"}, "issuer: https only"),
        ({"issuer": "https://ann:hunter2@id.example.com"}, "issuer: an address"),
        ({"issuer": None}, "issuer"),
        ({"roles": {}}, "nobody could sign in"),
        ({"roles": {"auditor": "x"}}, "roles.auditor"),
        ({"role_claim": None}, "role_claim"),
        ({"default_role": "auditor"}, "default_role needs allow"),
        ({"default_role": "admin", "allow": {"groups": ["x"]}}, "default_role"),
        ({"client_secret_env": None}, "one of client_secret_env"),
        ({"public_client": True}, "one of client_secret_env"),
        ({"scopes": ["email"]}, "openid"),
        ({"clock_skew_s": 301}, "clock_skew_s"),
        ({"session_minutes": 721}, "session_minutes"),
        ({"redirect_uri": "https://audit.example.com/"}, "redirect_uri"),
        ({"client_secret": "hunter2"}, "(another key)"),
    ],
)
def test_a_configuration_that_is_wrong(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(AuditError) as caught:
        load(tmp_path, json.dumps(GOOD | change))
    assert words in caught.value.message and "hunter2" not in caught.value.message


@pytest.mark.parametrize("content", ["a: [", "- a", "a: 1\na: 2", "\0", "!!python/name:os.system a", "x" * 70_000])
def test_files_that_are_none(content: str, tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"oidc\.yaml"):
        load(tmp_path, content)


def test_where_the_secret_comes_from(tmp_path: Path) -> None:
    named = load(tmp_path, json.dumps(GOOD))
    assert named.secret({"OIDC_SECRET": "s"}) == "s"
    with pytest.raises(AuditError, match="OIDC_SECRET"):
        named.secret({})
    secret = tmp_path / "secret"
    of_file = load(tmp_path, json.dumps(GOOD | {"client_secret_env": None, "client_secret_file": str(secret)}))
    with pytest.raises(AuditError, match="cannot be read"):
        of_file.secret()
    secret.write_text(" s\n")
    assert of_file.secret() == "s"
    public = load(tmp_path, json.dumps(GOOD | {"client_secret_env": None, "public_client": True}))
    assert public.secret() is None
    with pytest.raises(AuditError, match="PEM"):
        OurSide(public.model_copy(update={"ca_file": secret}), None)


def test_logs_name_no_value(caplog: pytest.LogCaptureFixture, door: Callable[..., TestClient], issuer: Issuer) -> None:
    with caplog.at_level(logging.DEBUG):
        client = door()
        address = go(client)
        back(client, address)
    code = parse_qs(urlsplit(address).query)["code"][0]
    ours = "".join(record.getMessage() for record in caplog.records if record.name.startswith("coatcheck"))
    assert code not in ours and "ann@example.com" not in ours and SECRET not in caplog.text
