"""Who may use a proxy that is not for everybody: proxy authentication and TLS client certificates."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.e2e.harness import GatewayProcess
from tests.e2e.raw import chat, read, request
from tests.e2e.test_openai import EMAIL, ENGLISH

CONNECT = b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n"


def connect(gateway: GatewayProcess, *, headers: bytes = b"", outer: ssl.SSLContext | None = None):
    """A CONNECT to the proxy; answers its status and the connection."""
    host, _, port = gateway.proxy.removeprefix("http://").rpartition(":")
    connection = socket.create_connection((host, int(port)), 30)
    if outer is not None:
        connection = outer.wrap_socket(connection, server_hostname=host)
    connection.sendall(CONNECT + headers + b"\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(1)
        if not data:
            break
        head += data
    return int(head.split(b" ")[1]) if head else 0, connection


def test_proxy_authentication(home, provider, tmp_path):
    digest = base64.b64encode(hashlib.sha1(b"right").digest()).decode()
    users = tmp_path / "users"
    users.write_text(f"ann:{{SHA}}{digest}\n")
    with GatewayProcess(home, provider, {"access": {"proxy_auth": str(users)}}) as gateway:
        for given in (b"", b"Proxy-Authorization: Basic " + base64.b64encode(b"ann:wrong") + b"\r\n"):
            status, connection = connect(gateway, headers=given)
            connection.close()
            assert status == 407
        right = b"Proxy-Authorization: Basic " + base64.b64encode(b"ann:right") + b"\r\n"
        status, connection = connect(gateway, headers=right)
        assert status == 200
        with gateway.trust.wrap_socket(connection, server_hostname="api.openai.com") as inner:
            inner.sendall(request(chat(ENGLISH)))
            assert read(inner).status == 200
        assert gateway.audit()[0]["proxy_user"] == "ann"
    assert b"right" not in provider.requests[0].raw and EMAIL.encode() not in provider.requests[0].raw
    assert not provider.requests[0].header("proxy-authorization")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    """Two CAs, and a client's certificate of each."""
    directory = tmp_path_factory.mktemp("certificates")
    now = dt.datetime.now(dt.UTC)
    for name in ("ours", "other"):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} CA")])
        authority = build(subject, subject, key.public_key(), now, ca=True).sign(key, hashes.SHA256())
        leaf_key = ec.generate_private_key(ec.SECP256R1())
        leaf_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} client")])
        leaf = build(leaf_name, subject, leaf_key.public_key(), now, ca=False).sign(key, hashes.SHA256())
        (directory / f"{name}-ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
        (directory / f"{name}.pem").write_bytes(
            leaf.public_bytes(serialization.Encoding.PEM)
            + leaf_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return directory


def build(subject, issuer, key, now, *, ca):
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )


def answered(gateway: GatewayProcess, outer: ssl.SSLContext) -> int:
    """The status of a CONNECT inside TLS to the proxy; 0 if the connection is refused."""
    try:
        status, connection = connect(gateway, outer=outer)
    except (ssl.SSLError, ConnectionError):
        return 0
    connection.close()
    return status


def test_tls_client_certificates(home, provider, certificates):
    changes = {"access": {"client_ca": str(certificates / "ours-ca.pem")}}
    with GatewayProcess(home, provider, changes) as gateway:
        status, connection = connect(gateway)  # no TLS at all
        connection.close()
        assert status == 403
        for certificate in (None, "other"):
            outer = ssl.create_default_context(cafile=gateway.ca)
            if certificate:
                outer.load_cert_chain(certificates / f"{certificate}.pem")
            assert answered(gateway, outer) == 0
        outer = ssl.create_default_context(cafile=gateway.ca)
        outer.load_cert_chain(certificates / "ours.pem")
        assert answered(gateway, outer) == 200
    assert provider.requests == []


def test_a_listener_beyond_loopback_does_not_lead_to_private_addresses(home, provider):
    changes = {"listen": "0.0.0.0:0", "access": {"allow_open": True}}
    with GatewayProcess(home, provider, changes) as gateway:
        port = gateway.proxy.rpartition(":")[2]
        with socket.create_connection(("127.0.0.1", int(port)), 30) as connection:
            connection.sendall(b"CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254:80\r\n\r\n")
            assert b" 403 " in connection.recv(4096)
        with socket.create_connection(("127.0.0.1", int(port)), 30) as connection:
            connection.sendall(CONNECT + b"\r\n")
            assert b" 200 " in connection.recv(4096)  # resolve_to leads to loopback, as configured
            with gateway.trust.wrap_socket(connection, server_hostname="api.openai.com") as inner:
                inner.sendall(request(chat("hello")))
                assert read(inner).status == 200
