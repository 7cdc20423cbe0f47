"""The gateway's own AWS keys: from the environment, a profile, or an assumed role, through botocore.

Does I/O: reads the environment and AWS's shared files at start, and calls STS where the configuration names a role.
It never asks the machine's or container's metadata service, which no configuration of ours names. botocore is imported
only if an upstream has an ``aws`` section.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Any

from addons.settings_aws import Aws
from addons.settings_sections import Upstream
from addons.signing import AwsKeys, SigningRefused

REFRESH_LIMIT_S = 10.0
"""How long keys may take to be renewed, in seconds, before the request is refused."""
_UNCONFIGURED = ("ec2-credentials-file", "boto-config", "container-role", "iam-role")
"""botocore's names of what it would ask besides the profile."""


class AwsKeysError(Exception):
    """The keys that the configuration names are not there; the message says what to do."""


class AwsKeyring:
    """The keys of each upstream that has an ``aws`` section. Raises AwsKeysError."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._fixed: dict[str, AwsKeys] = {}
        self._renewed: dict[str, Any] = {}
        for name, one in upstreams.items():
            if one.enabled and one.aws is not None:
                self._add(name, one.aws, one.hosts[0])

    def _add(self, name: str, aws: Aws, host: str) -> None:
        where = f"upstreams.{name}.aws"
        try:
            import botocore.session  # type: ignore[import-untyped]
        except ImportError:
            raise AwsKeysError(f"{where} needs botocore, which is not installed: pip install botocore") from None
        logging.getLogger("botocore").setLevel(logging.WARNING)  # at DEBUG it writes what it signs
        if aws.keys == "environment":
            self._fixed[name] = _environment(where)
            return
        if aws.profile is not None:
            source = _profile(botocore.session.Session(profile=aws.profile), where, aws.profile)
        else:
            keys = _environment(where)
            from botocore.credentials import Credentials  # type: ignore[import-untyped]

            source = Credentials(keys.access_key, keys.secret_key, keys.token)
        self._renewed[name] = source if aws.keys == "profile" else _role(botocore.session.Session(), source, aws, host)

    async def keys(self, upstream: str) -> AwsKeys | None:
        """Keys that are valid now; None if none are configured. Raises SigningRefused ``aws_keys_unavailable``."""
        if upstream in self._fixed or upstream not in self._renewed:
            return self._fixed.get(upstream)
        try:
            found = await asyncio.wait_for(
                asyncio.to_thread(self._renewed[upstream].get_frozen_credentials), REFRESH_LIMIT_S
            )
            return AwsKeys(found.access_key, found.secret_key, found.token)
        except Exception as e:
            raise SigningRefused(
                503,
                "aws_keys_unavailable",
                f"The gateway's own AWS keys (upstreams.{upstream}.aws) could not be had ({type(e).__name__}); "
                "nothing was sent.",
            ) from None


def _environment(where: str) -> AwsKeys:
    access_key, secret_key = os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", "")
    given = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
    missing = " and ".join(name for name, value in given.items() if not value)
    if missing:
        raise AwsKeysError(f"{where} takes its keys from the environment, and {missing} is not set there.")
    return AwsKeys(access_key, secret_key, os.environ.get("AWS_SESSION_TOKEN") or None)


def _profile(session: Any, where: str, name: str) -> Any:
    try:
        resolver = session.get_component("credential_provider")
        for unasked in _UNCONFIGURED:
            resolver.remove(unasked)
        found = resolver.load_credentials()
    except Exception as e:
        raise AwsKeysError(f"{where}.profile: AWS's shared files cannot be used ({type(e).__name__}).") from None
    if found is None:
        raise AwsKeysError(f"{where}.profile: no profile {name!r} with keys is in AWS's shared files.")
    return found


def _role(session: Any, source: Any, aws: Aws, host: str) -> Any:
    from botocore.config import Config  # type: ignore[import-untyped]
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    from addons.signing import region_of

    region = aws.region or region_of(host) or "us-east-1"

    def client(service: str, **options: Any) -> Any:
        return session.create_client(
            service,
            region_name=region,
            endpoint_url=aws.sts_url or f"https://sts.{region}.amazonaws.com",
            config=Config(connect_timeout=5, read_timeout=5, retries={"max_attempts": 1}, proxies={}),
            **options,
        )

    extra = {"RoleSessionName": "coatcheck", **({"ExternalId": aws.external_id} if aws.external_id else {})}
    fetcher = AssumeRoleCredentialFetcher(client, source, aws.role_arn, extra_args=extra)
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
