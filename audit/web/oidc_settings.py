"""What `coatcheck audit serve --oidc FILE` says: the issuer, the client, who becomes what. Nobody gets in by default.

Reads the file and the secret; asks nobody. Errors name the key and never repeat what stands there.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from audit.errors import AuditError

MAX_FILE = 64 * 1024
CALLBACK = "/sign-in/oidc/callback"

Word = Annotated[str, Field(min_length=1, max_length=255)]
Words = Annotated[tuple[Word, ...], Field(max_length=100)]
Claim = Word | Annotated[tuple[Word, ...], Field(min_length=1, max_length=5)]
"""A claim's name; a list of names leads into claims that are objects: ``[realm_access, roles]``."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Roles(_Part):
    """Values of the role claim."""

    auditor: Words = ()
    admin: Words = ()


class Allow(_Part):
    """Who may sign in at all: any one of these is enough."""

    email_domains: Words = ()
    """Of ``email``, where the issuer says ``email_verified``; a subdomain is another domain."""
    groups: Words = ()
    group_claim: Claim = "groups"


class OidcSettings(_Part):
    """See the file's first line."""

    issuer: str
    client_id: Word
    client_secret_env: Word | None = None
    client_secret_file: Path | None = None
    public_client: bool = False
    """The issuer gave no secret: PKCE alone protects the code."""
    scopes: Words = ("openid",)
    role_claim: Claim | None = None
    roles: Roles = Roles()
    allow: Allow | None = None
    default_role: Literal["auditor"] | None = None
    """What those whom ``allow`` admits are if the role claim makes them nothing."""
    endpoint_hosts: Words = ()
    """Hosts beside the issuer's own that its discovery document may name."""
    redirect_uri: str | None = None
    """Where the issuer sends browsers back to; else the address that they came by, and ``/sign-in/oidc/callback``."""
    ca_file: Path | None = None
    """Certificates, PEM, that vouch for the issuer's TLS; else those that httpx brings."""
    name: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    """What the button says; else the issuer's host."""
    clock_skew_s: Annotated[int, Field(ge=0, le=300)] = 60
    session_minutes: Annotated[int, Field(ge=5, le=720)] = 480

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        safe_address(self.issuer, "issuer")
        if self.redirect_uri is not None and urlsplit(safe_address(self.redirect_uri, "redirect_uri")).path != CALLBACK:
            raise ValueError(f"redirect_uri: its path is {CALLBACK}")
        if (self.client_secret_env is not None) + (self.client_secret_file is not None) + self.public_client != 1:
            raise ValueError("give one of client_secret_env, client_secret_file and public_client: true")
        if "openid" not in self.scopes:
            raise ValueError("scopes: openid is one of them")
        named = bool(self.roles.auditor or self.roles.admin)
        if named and self.role_claim is None:
            raise ValueError("roles need role_claim: the claim that holds them")
        if self.default_role is not None and not (self.allow and (self.allow.email_domains or self.allow.groups)):
            raise ValueError("default_role needs allow.email_domains or allow.groups: else anybody would get in")
        if not named and self.default_role is None:
            raise ValueError("nobody could sign in: give roles.auditor or roles.admin, or allow and default_role")
        return self

    @property
    def shown(self) -> str:
        """The issuer, as people know it."""
        return self.name or urlsplit(self.issuer).hostname or ""

    def secret(self, environment: Mapping[str, str] = os.environ) -> str | None:
        """The client's secret; None for a public client. Raises AuditError (``key``)."""
        if self.client_secret_env is not None:
            secret = environment.get(self.client_secret_env, "")
            if not secret:
                raise AuditError("key", f"The client's secret is to be in {self.client_secret_env}, which is not set.")
            return secret
        if self.client_secret_file is None:
            return None
        try:
            secret = self.client_secret_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise AuditError("key", f"The client's secret cannot be read from {self.client_secret_file}.") from None
        if not secret:
            raise AuditError("key", f"{self.client_secret_file} is empty: it is to hold the client's secret.")
        return secret


def safe_address(address: str, what: str) -> str:
    """The address, if nobody on the way can read what goes there: https, or http on loopback. Raises ValueError."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{what}: it is no address") from None
    if not host or parts.username is not None or parts.fragment or port == 0 or not address.isprintable():
        raise ValueError(f"{what}: an address such as https://id.example.com, without user or fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(host)):
        raise ValueError(f"{what}: https only (http on loopback alone)")
    return address


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_oidc_settings(path: Path) -> OidcSettings:
    """Read a YAML or JSON file. Raises AuditError (``query``), which names keys and never their values."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE + 1)
        if len(text) > MAX_FILE:
            raise AuditError("query", f"{path} is longer than {MAX_FILE} bytes: it is no --oidc file.")
        content: Any = YAML(typ="safe", pure=True).load(text.decode("utf-8-sig"))
    except OSError as error:
        raise AuditError("query", f"{path} cannot be read ({(error.strerror or 'error').lower()}).") from None
    except (YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise AuditError("query", f"{path}{where}: it is not YAML or JSON.") from None
    if not isinstance(content, dict):
        raise AuditError("query", f"{path}: keys and values are wanted, issuer and client_id first.")
    try:
        return OidcSettings.model_validate(content)
    except ValidationError as error:
        raise AuditError("query", f"{path}: {'; '.join(_faults(error))}.") from None


def _faults(error: ValidationError) -> list[str]:
    known = {name for part in (OidcSettings, Roles, Allow) for name in part.model_fields}
    faults = []
    for one in error.errors(include_url=False, include_context=True, include_input=False):
        names = [str(name) if str(name) in known or isinstance(name, int) else "(another key)" for name in one["loc"]]
        cause = (one.get("ctx") or {}).get("error")
        message = str(cause) if isinstance(cause, ValueError) else one["msg"].rstrip(".")
        faults.append(f"{'.'.join(names)}: {message}" if names else message)
    return list(dict.fromkeys(faults))[:5]
