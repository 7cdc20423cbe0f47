"""What a program trusts behind the gateway: what it trusted before, and our CA."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons import client_trust
from addons.ca import CertificateAuthority, authority_at
from addons.client_trust import ADDING, REPLACING, TrustError, trust_for


def certificate(name: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----"


OURS, PUBLIC, SYSTEM, COMPANY, OTHER = map(certificate, ("ours", "public", "system", "company", "other"))


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CertificateAuthority:
    made = authority_at(tmp_path / "state")
    made.directory.mkdir(parents=True)
    made.certificate.write_text(f"{OURS}\n")
    made.bundle.write_text(f"# roots\n{PUBLIC}\n{OURS}\n")
    store = tmp_path / "system.pem"
    store.write_text(f"{PUBLIC}\n{SYSTEM}\n")
    monkeypatch.setattr(client_trust, "SYSTEM_STORES", (tmp_path / "absent.pem", store))
    return made


def in_file(path: str) -> list[str]:
    text = Path(path).read_text()
    return [name for name in (OURS, PUBLIC, SYSTEM, COMPANY, OTHER) for _ in range(text.count(name))]


def test_public_and_system_roots_and_ours_once_each(authority: CertificateAuthority) -> None:
    found = trust_for(authority, {})
    assert all(in_file(found[name]) == [OURS, PUBLIC, SYSTEM] for name in REPLACING)
    assert all(in_file(found[name]) == [OURS] for name in ADDING)


def test_a_companys_roots_stay(authority: CertificateAuthority, tmp_path: Path) -> None:
    company, other = tmp_path / "company.pem", tmp_path / "other.pem"
    company.write_text(COMPANY)
    other.write_text(OTHER)
    found = trust_for(
        authority,
        {"SSL_CERT_FILE": str(company), "AWS_CA_BUNDLE": str(other), "NODE_EXTRA_CA_CERTS": str(company)},
    )
    assert in_file(found["SSL_CERT_FILE"]) == in_file(found["GIT_SSL_CAINFO"]) == [OURS, COMPANY]
    assert in_file(found["AWS_CA_BUNDLE"]) == [OURS, OTHER]
    assert in_file(found["NODE_EXTRA_CA_CERTS"]) == [OURS, COMPANY]
    assert in_file(found["DENO_CERT"]) == [OURS]
    assert company.read_text() == COMPANY


@pytest.mark.parametrize("given", ["/absent/roots.pem", "", "."])
def test_a_variable_that_names_no_file_counts_as_unset(authority: CertificateAuthority, given: str) -> None:
    assert trust_for(authority, {"SSL_CERT_FILE": given}) == trust_for(authority, {})


def test_a_second_time_writes_nothing_and_a_nested_run_adds_nothing(authority: CertificateAuthority) -> None:
    found = trust_for(authority, {})
    files = {path: path.stat().st_mtime_ns for path in authority.directory.iterdir()}
    assert trust_for(authority, found) == found
    assert {path: path.stat().st_mtime_ns for path in authority.directory.iterdir()} == files


def test_no_ca_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match=r"coatcheck-ca\.pem.*state_dir"):
        trust_for(authority_at(tmp_path), {})
