"""The section ``checkpoints`` of ``coatcheck.yaml``: how the audit ledger is signed, and where that goes. No I/O."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from addons.settings_sections import BaseUrl, FilePath, Positive, Seconds
from audit.checkpoint import ANCHOR_FILE, KEY_FILE
from detectors.section import Section

if TYPE_CHECKING:
    from audit.checkpointer import CheckpointPlan


class Checkpoints(Section):
    """Signed checkpoints of the audit ledger. A copy where nobody can change it proves that nothing was removed."""

    every_records: Positive = 1000
    """Sign after so many records ..."""
    every_s: Seconds = 60.0
    """... or seconds, whichever is first; and at shutdown."""
    file: FilePath | None = None
    """Append checkpoints to this file. Default: ``ledger.checkpoints`` in ``state_dir``."""
    url: BaseUrl | None = None
    """POST checkpoints to this URL too."""
    timestamp_url: BaseUrl | None = None
    """Have checkpoints time-stamped (RFC 3161) by the authority at this URL: it gets their SHA-256. Tokens are appended
    to a file beside ``file``: ``ledger.timestamps``."""
    timestamp_ca_file: FilePath | None = None
    """Certificates (PEM) that the authority's must lead to. Default: verify alone checks that."""
    key_file: FilePath | None = None
    """The ledger's Ed25519 key; made at first start. Default: ``ledger.key`` in ``state_dir``."""
    origin: str | None = Field(default=None, pattern=r"^[^\s+]+$")
    """The ledger's name in its checkpoints, such as ``example.com/coatcheck``. Default: one made from the key."""

    def plan(self, state: Path) -> CheckpointPlan:
        """The section in force; ``state`` is the state directory."""
        # Here, because it brings SQLAlchemy, and settings are read by commands that answer at once.
        from audit.checkpointer import CheckpointPlan

        return CheckpointPlan(
            key_file=self.key_file or state / KEY_FILE,
            origin=self.origin,
            every_records=self.every_records,
            every_s=self.every_s,
            file=self.file or state / ANCHOR_FILE,
            url=self.url,
            timestamp_url=self.timestamp_url,
            timestamp_ca_file=self.timestamp_ca_file,
        )
