"""The gateway's certificate authority: limited to the configured hosts, one per site.

mitmproxy would make a CA that can sign for any host. Whoever steals that key can forge the whole
internet for every machine that trusts it. Ours carries name constraints (RFC 5280, 4.2.1.10): a
certificate for any other host does not verify. Also writes what clients need: the CA alone, a
bundle with the public roots, and a Java trust store.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KEY_BITS = 2048
LIFETIME = dt.timedelta(days=825)
RENEW_BEFORE = dt.timedelta(days=30)
LOOPBACK = ("127.0.0.1", "::1")
TRUST_STORE_PASSWORD = "changeit"  # noqa: S105 - Java's own default; the store holds public certificates only


class CaError(Exception):
    """The CA cannot be made or read; says which file and what to do."""


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """Where the CA's files lie."""

    directory: Path
    """``confdir`` for mitmproxy: ``mitmproxy-ca.pem`` (key and certificate)."""
    certificate: Path
    """The CA's certificate alone (PEM): give this one to clients."""
    bundle: Path
    """Public roots and our CA (PEM), for clients that replace their roots."""
    trust_store: Path
    """The same as a PKCS#12 trust store for the JVM."""
    hosts: tuple[str, ...]
    """What it may sign for."""
    renewed: bool
    """True if it was made just now."""


def authority_at(state: Path) -> CertificateAuthority:
    """The CA of a gateway whose state directory is ``state``, as it lies there; nothing is made or checked."""
    return _files(state / "ca")


def _files(directory: Path, hosts: tuple[str, ...] = (), *, renewed: bool = False) -> CertificateAuthority:
    return CertificateAuthority(
        directory,
        directory / "coatcheck-ca.pem",
        directory / "bundle.pem",
        directory / "truststore.p12",
        hosts,
        renewed,
    )


def ensure(directory: Path, hosts: Sequence[str], addresses: Sequence[str] = ()) -> CertificateAuthority:
    """Use the CA in ``directory``, or make one (again) when it is absent, nearly expired, or limited to other hosts.

    ``hosts`` are DNS names (``*.example.com``: all below it), ``addresses`` IP addresses beyond loopback.
    Raises CaError.
    """
    names = tuple(sorted({host.lower().rstrip(".").removeprefix("*.") for host in hosts}))
    ips = tuple(sorted({*LOOPBACK, *addresses}))
    combined = directory / "mitmproxy-ca.pem"
    files = _files(directory)
    try:
        current = _read(combined)
        renewed = current is None or not _serves(current, names, ips)
        if renewed:
            _create(directory, combined, files.certificate, names, ips)
        _write_for_clients(files.certificate, files.bundle, files.trust_store)
    except OSError as e:
        raise CaError(
            f"cannot keep the certificate authority in {directory}: {e.strerror}. Set state_dir to a place that "
            "this user can write."
        ) from e
    except ValueError as e:
        raise CaError(f"{combined} does not hold a readable CA; move it away and start again to make a new one.") from e
    return _files(directory, names, renewed=renewed)


def _read(path: Path) -> x509.Certificate | None:
    if not path.exists():
        return None
    return x509.load_pem_x509_certificate(path.read_bytes())


def _serves(certificate: x509.Certificate, names: tuple[str, ...], ips: tuple[str, ...]) -> bool:
    if certificate.not_valid_after_utc - dt.datetime.now(dt.UTC) < RENEW_BEFORE:
        return False
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return False
    permitted = {str(subtree.value) for subtree in constraints.permitted_subtrees or ()}
    return permitted == {*names, *(str(ipaddress.ip_network(ip)) for ip in ips)}


def _create(directory: Path, combined: Path, certificate: Path, names: tuple[str, ...], ips: tuple[str, ...]) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    now = dt.datetime.now(dt.UTC)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"Coatcheck CA {now:%Y-%m-%d}"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Coatcheck (this site only)"),
        ]
    )
    permitted: list[x509.GeneralName] = [x509.DNSName(host) for host in names]
    permitted += [x509.IPAddress(ipaddress.ip_network(ip)) for ip in ips]
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    authority = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = authority.public_bytes(serialization.Encoding.PEM)
    _replace(combined, private + public, 0o400)
    _replace(certificate, public, 0o644)


def _write_for_clients(certificate: Path, bundle: Path, trust_store: Path) -> None:
    ours = certificate.read_bytes()
    roots = Path(certifi.where()).read_bytes()
    text = roots.rstrip() + b"\n" + ours
    if not bundle.exists() or bundle.read_bytes() != text:
        _replace(bundle, text, 0o644)
        with warnings.catch_warnings():  # public roots are old; some have serial number 0
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            certificates = x509.load_pem_x509_certificates(text)
        entries = [pkcs12.PKCS12Certificate(cert, f"root-{i}".encode()) for i, cert in enumerate(certificates)]
        encryption = serialization.BestAvailableEncryption(TRUST_STORE_PASSWORD.encode())
        _replace(trust_store, pkcs12.serialize_java_truststore(entries, encryption), 0o644)


def upstream_roots(directory: Path, extra: Sequence[Path]) -> Path | None:
    """Public roots and the company's own in one file, for connections upstream; None if there are no extra ones."""
    if not extra:
        return None
    path = directory / "upstream-roots.pem"
    parts = [Path(certifi.where()).read_bytes()]
    for file in extra:
        try:
            data = file.read_bytes()
            x509.load_pem_x509_certificates(data)
        except (OSError, ValueError) as e:
            raise CaError(f"{file} (ca_file of an upstream) does not hold readable PEM certificates.") from e
        parts.append(data)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    _replace(path, b"\n".join(parts), 0o644)
    return path


def _replace(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole or not at all; never readable by others in between."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
