"""The section ``journal`` of ``coatcheck.yaml``: what keeps audit records while their database is away. No I/O."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from addons.settings_sections import FilePath, Seconds
from detectors.section import Section

if TYPE_CHECKING:
    from audit.journal import JournalPlan


class JournalSettings(Section):
    """The gateway goes on while the audit database is away: records are durable in a journal and drained later."""

    max_bytes: Annotated[int, Field(ge=0)] = 64 * 1024 * 1024
    """Beyond it requests are refused until the database is back. 0: no journal; they are refused at once."""
    takeover_s: Seconds = 1.0
    """The database may take so long to answer before the journal keeps what waits."""
    directory: FilePath | None = None
    """On a local file system, and not shared by gateways of different databases. Default: ``journal`` in
    ``state_dir``."""

    def plan(self, state: Path) -> JournalPlan:
        """The section in force; ``state`` is the state directory."""
        # Here, because it brings SQLAlchemy, and settings are read by commands that answer at once.
        from audit.journal import DIRECTORY, JournalPlan

        return JournalPlan(self.directory or state / DIRECTORY, self.max_bytes, self.takeover_s)
