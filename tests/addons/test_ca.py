"""The CA can sign for the configured hosts and for nothing else."""

import datetime as dt
import stat
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from addons import ca


def sign(directory, host):
    """A leaf for ``host`` by the CA in ``directory``, as mitmproxy would make it."""
    combined = (directory / "mitmproxy-ca.pem").read_bytes()
    key = serialization.load_pem_private_key(combined, None)
    issuer = x509.load_pem_x509_certificate(combined)
    now = dt.datetime.now(dt.UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
        .issuer_name(issuer.subject)
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "leaf.pem"
    path.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    return path


def verifies(directory, leaf):
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", directory / "coatcheck-ca.pem", leaf], capture_output=True, check=False
    )
    return done.returncode == 0


def test_it_signs_for_configured_hosts_and_no_other(tmp_path):
    ca.ensure(tmp_path, ["api.openai.com", "*.openai.azure.com"])
    assert verifies(tmp_path, sign(tmp_path, "api.openai.com"))
    assert verifies(tmp_path, sign(tmp_path, "mine.openai.azure.com"))
    assert not verifies(tmp_path, sign(tmp_path, "bank.example.com"))


def test_it_is_kept_and_made_again_when_the_hosts_change(tmp_path):
    first = ca.ensure(tmp_path, ["api.openai.com"])
    assert first.renewed
    before = first.certificate.read_bytes()
    assert not ca.ensure(tmp_path, ["API.OpenAI.com."]).renewed
    assert first.certificate.read_bytes() == before
    assert ca.ensure(tmp_path, ["api.openai.com", "api.anthropic.com"]).renewed
    assert first.certificate.read_bytes() != before


def test_only_the_owner_reads_the_key_and_clients_get_the_certificate_alone(tmp_path):
    authority = ca.ensure(tmp_path / "ca", ["api.openai.com"])
    assert stat.S_IMODE((tmp_path / "ca" / "mitmproxy-ca.pem").stat().st_mode) == 0o400
    for path in (authority.certificate, authority.bundle, authority.trust_store):
        assert b"PRIVATE KEY" not in path.read_bytes()
    assert authority.certificate.read_bytes().strip() in authority.bundle.read_bytes()


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # public roots are old
def test_the_java_trust_store_holds_our_ca(tmp_path):
    authority = ca.ensure(tmp_path, ["api.openai.com"])
    ours = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    store = pkcs12.load_pkcs12(authority.trust_store.read_bytes(), ca.TRUST_STORE_PASSWORD.encode())
    assert ours in [entry.certificate for entry in store.additional_certs]


def test_a_broken_ca_file_is_named(tmp_path):
    (tmp_path / "mitmproxy-ca.pem").write_text("not a certificate")
    with pytest.raises(ca.CaError, match=r"mitmproxy-ca\.pem"):
        ca.ensure(tmp_path, ["api.openai.com"])


def test_an_upstreams_ca_file_that_is_no_pem_is_named(tmp_path):
    bad = tmp_path / "company.pem"
    bad.write_text("nothing")
    with pytest.raises(ca.CaError, match=r"company\.pem"):
        ca.upstream_roots(tmp_path, [bad])
    assert ca.upstream_roots(tmp_path, []) is None
