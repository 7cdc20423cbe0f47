"""``coatcheck audit serve`` as a process of its own, with TLS and an identity provider: by hand and in Chromium."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import sync_playwright

from audit.web.desk import Desk
from audit.web.reads import read_page
from audit.web.words import Words
from tests.audit.web.conftest import form_token
from tests.audit.web.issuer import CLIENT, SECRET, Issuer, serving


def certificate(place: Path) -> None:
    """``cert.pem`` and ``key.pem`` for 127.0.0.1, good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "audit.example.com")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (place / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (place / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def address(state: Path, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the server, which runs by its command."""
    place = tmp_path_factory.mktemp("serving")
    certificate(place)
    (place / "oidc.yaml").write_text(
        f"# what docs/audit-web.md shows\nissuer: {issuer.address}\nclient_id: {CLIENT}\n"
        "client_secret_env: AUDIT_OIDC_SECRET\nrole_claim: groups\nroles:\n  admin: [privacy-audit]\n"
    )
    command = [sys.executable, "-m", "coatcheck", "audit", "serve", "--port", "0", "--tls-cert", place / "cert.pem",
               "--tls-key", place / "key.pem", "--oidc", place / "oidc.yaml"]  # fmt: skip
    environment = {**os.environ, "COATCHECK_STATE_DIR": str(state), "AUDIT_OIDC_SECRET": SECRET}
    environment.pop("COATCHECK_DATABASE", None)
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("Auditors' page: https://127.0.0.1:"), line + process.stderr.read()
        yield line.split()[2].rstrip("/") + "|" + str(place / "cert.pem")
        process.terminate()
        rest = process.stderr.read()
    assert "Traceback" not in rest and SECRET not in rest, rest


def test_tls_a_token_and_the_issuer(address: str, issuer: Issuer, tokens: dict[str, str], desk: Desk) -> None:
    base, cert = address.split("|")
    trusting = ssl.create_default_context(cafile=cert)
    with httpx.Client(base_url=base, verify=trusting, trust_env=False) as client:
        page = client.get("/sign-in")
        assert page.headers["strict-transport-security"] and page.extensions["http_version"] == b"HTTP/1.1"
        answer = client.post("/sign-in", data={"token": tokens["auditor"], "form_token": form_token(page.text)})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-coatcheck_session=") and "Secure" in cookie and "Path=/" in cookie
        assert client.get("/records?limit=2").status_code == 200
        api = {"authorization": f"Bearer {tokens['auditor']}"}
        assert len(client.get("/api/v1/records", params={"limit": 2}, headers=api).json()["records"]) == 2
    with httpx.Client(base_url=base, verify=trusting, trust_env=False) as client:
        away = client.get("/sign-in/oidc")
        back = httpx.get(away.headers["location"], verify=trusting, trust_env=False).headers["location"]
        assert back.startswith(f"{base}/sign-in/oidc/callback?")
        cookies = [cookie for cookie in client.get(back).headers.get_list("set-cookie") if "_session=" in cookie]
        assert len(cookies) == 1 and cookies[0].startswith("__Host-") and "SameSite=strict" in cookies[0]
        assert client.get("/reads").status_code == 200
    assert read_page(desk.database, None, 1)[0].reader == "oidc:248289761001"
    with pytest.raises(httpx.HTTPError):
        httpx.get(base.replace("https", "http"), trust_env=False)


def test_in_a_browser_with_a_page_of_the_issuer_s_in_between(address: str, issuer: Issuer) -> None:
    base, _ = address.split("|")
    issuer.shows_a_page = True
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert chromium, "There is no Chromium in the path, and the page is to be tried in one: apt-get install chromium"
    words = Words("zh")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(ignore_https_errors=True, locale="zh-CN").new_page()
        page.goto(f"{base}/records?limit=3")
        page.click(f"text={words('sign_in.with', name='localhost')}")
        assert page.url.startswith(issuer.address)
        page.click("text=Let me in")
        page.wait_for_url(f"{base}/records?limit=3")
        assert page.locator("table.records").count() == 1 and "李 Ann" in page.inner_text("header")
        page.click(f"text={words('sign_out')}")
        page.wait_for_url(f"{base}/signed-out")
        assert words("signed_out.title") in page.inner_text("main")
        assert page.get_attribute("main a.button", "href") == f"{issuer.address}/end?client_id={CLIENT}"
        page.goto(f"{base}/records")
        assert page.locator("#token").count() == 1
        browser.close()
    assert json.dumps(issuer.asked).count("/token") == 2
