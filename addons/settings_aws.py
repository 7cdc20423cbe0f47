"""The ``aws`` section of an upstream, and the hosts of AWS Bedrock.

Rules for this file: shapes and values only, no I/O. The docstrings under the fields are the published schema's
descriptions.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from detectors.section import Section

Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]


class Aws(Section):
    """The gateway's own AWS keys. A masked request is signed with them, since its caller's signature no longer holds.

    Whoever may use the gateway may then call the upstream as this identity. AWS refuses signatures whose date is more
    than five minutes off: keep the gateway's clock right.
    """

    keys: Literal["environment", "profile", "role"]
    """``environment``: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), read at start. ``profile``:
    a profile of AWS's shared files. ``role``: ``role_arn``, assumed with the keys of ``profile`` or the environment."""
    profile: str | None = Field(default=None, min_length=1)
    """Name of a profile in ``~/.aws/config`` or ``~/.aws/credentials`` (AWS_CONFIG_FILE and
    AWS_SHARED_CREDENTIALS_FILE name others). Machine and container roles are not asked for."""
    role_arn: str | None = Field(default=None, pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$")
    """The role to assume."""
    external_id: str | None = Field(default=None, min_length=2)
    """What the role's trust policy asks for, if it does."""
    sts_url: str | None = Field(default=None, pattern=r"^https?://[^/?#@\s]+$")
    """Where roles are assumed. Default: ``https://sts.REGION.amazonaws.com``."""
    region: Region | None = None
    """The region to sign for. Default: the one in the host's name, else the one that the caller signed for."""

    @model_validator(mode="after")
    def _complete(self) -> Aws:
        if self.keys == "profile" and self.profile is None:
            raise ValueError("`keys: profile` needs `profile`, the profile's name")
        if self.keys == "role" and self.role_arn is None:
            raise ValueError("`keys: role` needs `role_arn`, the role to assume")
        if self.keys != "role" and self.role_arn is not None:
            raise ValueError("`role_arn` has no effect without `keys: role`")
        if self.keys == "environment" and self.profile is not None:
            raise ValueError("`profile` has no effect with `keys: environment`")
        return self


BEDROCK_REGIONS = (  # noqa: SIM905
    "us-east-1 us-east-2 us-west-1 us-west-2 us-gov-east-1 us-gov-west-1 ca-central-1 ca-west-1 mx-central-1 "
    "sa-east-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 "
    "me-central-1 me-south-1 af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 "
    "ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
    "ap-southeast-7"
).split()
"""Where Bedrock may be; https://docs.aws.amazon.com/general/latest/gr/bedrock.html and AWS's list of regions."""
BEDROCK_HOSTS = [
    *[f"bedrock-runtime.{region}.amazonaws.com" for region in BEDROCK_REGIONS],
    *[f"bedrock-agent-runtime.{region}.amazonaws.com" for region in BEDROCK_REGIONS],
    *[f"bedrock-runtime-fips.{region}.amazonaws.com" for region in BEDROCK_REGIONS if region[:2] in ("us", "ca")],
    *[f"bedrock-mantle.{region}.api.aws" for region in BEDROCK_REGIONS],
]
"""Bedrock's names. ``*.amazonaws.com`` would open traffic that is no LLM's, so each region is named."""
