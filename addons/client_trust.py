"""Certificate files for a program behind the gateway: what it trusted before, and the gateway's CA.

Only the configured hosts are intercepted; all else reaches the program with its own certificates. So a company's
roots, in the system's store or in a variable, must stay. Writes the joined files beside the CA, named by content.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from addons.ca import CertificateAuthority

REPLACING = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "GIT_SSL_CAINFO",
)
"""Each names a file that takes the place of a program's own roots."""
ADDING = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
"""Each names a file of further roots."""
SYSTEM_STORES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Arch, Gentoo
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # Fedora, RHEL
    Path("/etc/ssl/ca-bundle.pem"),  # openSUSE
    Path("/etc/ssl/cert.pem"),  # Alpine, macOS
)
"""Where systems keep their roots in one file: Go's ``crypto/x509`` looks at the same places."""

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class TrustError(Exception):
    """The files cannot be read or written; says which and what to do."""


def trust_for(authority: CertificateAuthority, inherited: Mapping[str, str]) -> dict[str, str]:
    """Variables that make a program trust the gateway besides what ``inherited`` or the system told it. TrustError."""
    try:
        ours = authority.certificate.read_bytes()
        usual = [authority.bundle.read_bytes()]
        usual += [store.read_bytes() for store in SYSTEM_STORES if store.is_file()][:1]
        found: dict[str, str] = {}
        for name in (*REPLACING, *ADDING):
            given = _named(inherited, name) or (_named(inherited, "SSL_CERT_FILE") if name in REPLACING else None)
            before = [given] if given is not None else usual if name in REPLACING else []
            found[name] = str(_joined(authority.directory, [*before, ours]))
        return found
    except OSError as e:
        raise TrustError(
            f"cannot prepare the certificates for the command: {e.filename}: {e.strerror}. Run it as the gateway's "
            "user, or set state_dir to a place that this user can write."
        ) from e


def _named(inherited: Mapping[str, str], name: str) -> bytes | None:
    """The file that a variable names, if there is one that can be read."""
    path = Path(inherited.get(name) or os.devnull)
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None  # the program could not have read it either


def _joined(directory: Path, parts: list[bytes]) -> Path:
    certificates = dict.fromkeys(found for part in parts for found in _CERTIFICATE.findall(part))
    data = b"\n".join([*certificates, b""])
    path = directory / f"roots-{hashlib.sha256(data).hexdigest()[:16]}.pem"
    if not path.exists():
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_bytes(data)
        partial.replace(path)
    return path
