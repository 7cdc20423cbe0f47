"""``coatcheck vault``: what it holds, new keys, forgetting. Says counts and ids, never values.

Exit codes: 0, 1 (the vault or its keys cannot do it), 2 (wrong question or configuration).
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json as json_module
import sqlite3
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from addons.recording import PROCESS
from addons.settings import Settings
from addons.terminal import ConfigOption, fail, settings_from
from addons.vault.build import masters_of
from addons.vault.errors import VaultError
from addons.vault.forgetting import forget as destroy
from addons.vault.rotation import rotate as new_keys
from addons.vault.rotation import unfinished
from addons.vault.schema import Base
from addons.vault.tables import has_tables, open_tables, unavailable
from audit.database import open_read_only
from audit.errors import AuditError
from audit.ids import new_id
from audit.recorder import Recorder
from audit.records import Decision, Outcome

app = typer.Typer(
    help="What the vault holds of stored conversations; new keys for it; forgetting.", no_args_is_help=True
)

_keys, _objects, _records = (
    Base.metadata.tables[name] for name in ("vault_data_keys", "vault_objects", "vault_records")
)


@app.command()
def status(
    config: ConfigOption = None, json: Annotated[bool, typer.Option("--json", help="JSON instead of lines.")] = False
) -> None:
    """How many objects are kept, under which keys, and until when."""
    settings = settings_from(config, {})
    with _errors_shown():
        found = _status(settings)
        if json:
            typer.echo(json_module.dumps(found))
            return
        for name, value in found.items():
            shown = ", ".join(f"{key} {count}" for key, count in value.items()) if isinstance(value, dict) else value
            typer.echo(f"{name.replace('_', ' '):<18}{'-' if shown in (None, '') else shown}")


@app.command()
def rotate(
    config: ConfigOption = None,
    master: Annotated[bool, typer.Option("--master/--no-master", help="A new master key.")] = True,
    data: Annotated[bool, typer.Option("--data/--no-data", help="New data keys, and all records sealed anew.")] = True,
) -> None:
    """Put new keys in place of the old ones, also while gateways run; stopped, it can be run again to finish."""
    settings = settings_from(config, {})
    if not (master or data):
        fail("nothing to rotate: leave one of --no-master and --no-data out.", 2)
    with _errors_shown():
        masters = masters_of(settings)
        database = open_tables(settings.database_url, create=False)
        kinds = [name for name, wanted in (("master", master), ("data", data)) if wanted]
        with _recorded(settings, "vault.rotate", f"rotate:{'+'.join(kinds)}", "operator"):
            for said in new_keys(database, masters, dt.datetime.now(dt.UTC), master=master, data=data):
                typer.echo(said)


@app.command()
def forget(
    config: ConfigOption = None,
    principal: Annotated[str | None, typer.Option(help="All that is kept for this caller: key-..., user-....")] = None,
    object_id: Annotated[
        str | None, typer.Option("--object", help="What is kept under this id, for any caller.")
    ] = None,
    everything: Annotated[bool, typer.Option("--everything", help="All objects of the tenant, and its keys.")] = False,
) -> None:
    """Destroy what is kept: placeholders that the provider still holds can then not be restored by anybody."""
    settings = settings_from(config, {})
    if sum((principal is not None, object_id is not None, everything)) != 1:
        fail("say what to forget: one of --principal, --object and --everything.", 2)
    what = "principal" if principal is not None else "object" if object_id is not None else "everything"
    with _errors_shown():
        database = open_tables(settings.database_url, create=False)
        with _recorded(settings, "vault.forget", f"forget:{what}", principal or "operator"):
            count = destroy(database, settings.tenant, principal=principal, object_id=object_id)
        typer.echo(f"forgot {count} object(s)")


def _status(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {
        "enabled": settings.vault.enabled,
        "master_key": _master_source(settings),
        "ttl_days": settings.vault.ttl_days,
    }
    database = open_read_only(settings.database_url)
    try:
        with database.engine.connect() as connection, connection.begin():
            if not has_tables(connection):
                return found | {"objects": {}, "records": 0}
            return found | _counts(connection)
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise unavailable(error, database.place) from None


def _counts(connection: Connection) -> dict[str, Any]:
    holders = _objects.c.holder.is_(None)
    kinds = select(_objects.c.kind, func.count()).where(holders).group_by(_objects.c.kind).order_by(_objects.c.kind)
    now = dt.datetime.now(dt.UTC)
    expired = select(func.count()).select_from(_objects).where(holders, _objects.c.expires <= now)
    first = connection.execute(select(func.min(_objects.c.expires)).where(holders)).scalar()
    keys = select(_keys.c.tenant, func.max(_keys.c.number)).group_by(_keys.c.tenant).order_by(_keys.c.tenant)
    callers = select(func.count(func.distinct(_objects.c.principal))).where(holders)
    return {
        "objects": dict(connection.execute(kinds).tuples().all()),
        "other_ids": connection.execute(select(func.count()).select_from(_objects).where(~holders)).scalar(),
        "records": connection.execute(select(func.count()).select_from(_records)).scalar(),
        "principals": connection.execute(callers).scalar(),
        "expired": connection.execute(expired).scalar(),
        "first_expires": None if first is None else first.isoformat(timespec="seconds"),
        "data_keys": dict(connection.execute(keys).tuples().all()),
        "rotation": "unfinished: run `coatcheck vault rotate`" if unfinished(connection) else "none under way",
    }


def _master_source(settings: Settings) -> str:
    if settings.vault.kms_command:
        return "command"
    return f"variable {settings.vault.key_env}" if settings.vault.key_env else f"file {settings.vault_key_path}"


@contextlib.contextmanager
def _recorded(settings: Settings, what: str, reason: str, principal: str) -> Iterator[None]:
    """In the audit: what is about to be done, before; that it was done, after."""
    decision = Decision(
        id=new_id(),
        time=dt.datetime.now(dt.UTC),
        tenant=settings.tenant,
        principal=principal,
        upstream="vault",
        endpoint=what,
        action="allow",
        rule="operator",
        reason=reason,
        route=None,
        process=PROCESS,
        policy_hash=settings.policy_hash,
    )
    asyncio.run(_record(settings.database_url, decision))
    error = "failed"
    try:
        yield
        error = ""
    finally:
        outcome = Outcome(decision.id, dt.datetime.now(dt.UTC), None, error=error or None, complete=not error)
        asyncio.run(_record(settings.database_url, outcome))


async def _record(url: str, record: Decision | Outcome) -> None:
    recorder = Recorder(url)
    await recorder.start()
    try:
        if isinstance(record, Decision):
            await recorder.record_decision(record)
        else:
            await recorder.record_outcome(record)
    finally:
        await recorder.stop()


@contextlib.contextmanager
def _errors_shown() -> Iterator[None]:
    try:
        yield
    except (VaultError, AuditError) as error:
        fail(error.message)
