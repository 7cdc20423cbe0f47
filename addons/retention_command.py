"""``coatcheck retention``: removes what the configuration's ``retention`` says is old, with signed tombstones.

For a daily timer. Exit codes: 0, 1 (it cannot be done), 2 (wrong configuration).
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from addons.terminal import ConfigOption, fail, settings_from
from audit.checkpoint import KEY_FILE, load_key
from audit.database import open_database, open_read_only
from audit.errors import AuditError
from audit.retention import Selection, preview, remove


def retention(
    config: ConfigOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
) -> None:
    """Remove audit records that are older than the configuration keeps them."""
    settings = settings_from(config, {})
    if not settings.retention.rules:
        fail("nothing is said of how long records are kept: set retention.rules.", 2)
    now = dt.datetime.now(dt.UTC)
    try:
        for rule in settings.retention.rules:
            selection = Selection(before=rule.before(now), classes=rule.classes | {"tenant": [settings.tenant]})
            if dry_run:
                count = preview(open_read_only(settings.database_url), selection, now).decisions
                typer.echo(f"{count} record(s) older than {rule.days} days")
                continue
            key = load_key(settings.checkpoints.key_file or settings.state_path / KEY_FILE)
            database = open_database(settings.database_url, create=False, busy_timeout_s=30.0)
            for one in remove(database, key, selection, "retention", now):
                typer.echo(f"tombstone {one.id}: {one.count} entries older than {rule.days} days")
    except AuditError as error:
        fail(error.message)
