"""Who may do what on PostgreSQL, as SQL: the gateway's account adds, an auditor's reads views, the owner migrates.

No account of the three but the owner can change or remove a row, and the owner meets the tables' triggers. Imports the
schema and the views. What is granted here outlives migrations: `without_views` makes the views anew and repeats the
grants for whoever had them.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

from audit import views
from audit.errors import AuditError
from audit.migrations import REVISIONS, VERSION_TABLE
from audit.schema import Base

VAULT_SCHEMA = "coatcheck_vault"
"""The gateway's own: rows of the vault change and go. Its tables are made there, first in the gateway's search path."""

_VAULT_TABLES = ("vault_data_keys", "vault_objects", "vault_records", "coatcheck_vault_version")

GATEWAY_RIGHTS: dict[str, tuple[str, ...]] = {
    "decisions": ("INSERT", "SELECT (id, seq)"),
    "findings": ("INSERT",),
    "fingerprints": ("INSERT",),
    "outcomes": ("INSERT", "SELECT (decision_seq, seq)"),
    "policies": ("INSERT", "SELECT (seq, hash, tenant)"),
    "ledger": ("INSERT", "SELECT (leaf, hash)"),
    "ledger_nodes": ("INSERT", "SELECT"),
    "ledger_checkpoints": ("INSERT", "SELECT"),
    "reads": (),
    "summaries": (),
    "summary_parts": (),
    "tombstones": (),
    "pruned": ("SELECT (kind, record_id)",),
}
"""What recording needs, of every table. A gateway cannot read what it has recorded, but for numbers, ids and hashes."""

_TABLES = tuple(Base.metadata.tables)

AUDITOR_ADDS = ("reads",)
"""`coatcheck audit serve` with an auditor's account records who looked."""

_NAME = re.compile(r"[\w.@-]{1,63}")


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of PostgreSQL roles, and where the tables are. Raises AuditError (``query``) for impossible names."""

    gateway: str | None
    auditor: str | None
    owner: str | None = None
    """None: the tables have the right one."""
    schema: str = "public"

    def __post_init__(self) -> None:
        given = [name for name in (self.gateway, self.auditor, self.owner, self.schema) if name is not None]
        if not all(map(_NAME.fullmatch, given)):
            raise AuditError("query", "A role's or schema's name is up to 63 letters, digits, and any of _ . @ -")
        accounts = [name for name in (self.gateway, self.auditor, self.owner) if name is not None]
        if len(set(accounts)) < len(accounts):
            raise AuditError("query", "Gateway, auditor and owner are different roles: that is the point of them.")


@dataclass(frozen=True, slots=True)
class Step:
    """Statements that belong together."""

    why: str
    statements: tuple[str, ...]


def steps(roles: Roles) -> Iterator[Step]:
    """All of it, in order; each statement may be run again. A superuser runs them, in one transaction."""
    schema, owner = _quote(roles.schema), None if roles.owner is None else _quote(roles.owner)
    every = [name for name in (roles.owner, roles.gateway, roles.auditor) if name is not None]
    yield Step("Accounts. Passwords, certificates and pg_hba.conf are yours to set.", tuple(map(_login, every)))
    if owner is not None:
        yield Step(
            "The owner migrates: `coatcheck audit migrate` with its URL.",
            (
                f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner}",
                *(f"ALTER TABLE {schema}.{name} OWNER TO {owner}" for name in (*_TABLES, VERSION_TABLE)),
                "DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid::regprocedure FROM pg_proc "  # noqa: S608
                f"WHERE pronamespace = '{schema}'::regnamespace AND starts_with(proname, 'coatcheck_') "
                f"LOOP EXECUTE format('ALTER FUNCTION %s OWNER TO {owner}', f); END LOOP; END $$",
            ),
        )
    if roles.gateway is not None:
        yield Step(
            "The gateway adds records and reads numbers, ids and hashes.", tuple(_gateway(roles.gateway, schema))
        )
        yield Step("The vault's tables are the gateway's own.", tuple(_vault(roles.gateway, roles.schema)))
    if roles.auditor is not None:
        yield Step(
            "The auditor reads views.",
            (
                f"CREATE SCHEMA IF NOT EXISTS {views.SCHEMA}" + (f" AUTHORIZATION {owner}" if owner else ""),
                f"DROP VIEW IF EXISTS {_listed(views.SCHEMA, views.names())}",
                *((f"ALTER SCHEMA {views.SCHEMA} OWNER TO {owner}", f"SET LOCAL ROLE {owner}") if owner else ()),
                *views.statements(schema),
                *(("RESET ROLE",) if owner else ()),
                *_auditor(roles.auditor, schema),
                _search_path(roles.auditor, views.SCHEMA),
            ),
        )


def apply(connection: Connection, roles: Roles) -> None:
    """Run all `steps` in the connection's transaction. Raises AuditError (``query``, ``missing``)."""
    if not inspect(connection).has_table("decisions"):
        raise AuditError("missing", "There are no audit tables here yet: run `coatcheck audit migrate` as their owner.")
    schema, owner = connection.execute(_WHERE).one()
    if owner in (roles.gateway, roles.auditor) and roles.owner is None:
        raise AuditError(
            "query", f"The tables belong to {owner}, who may do everything with them: name another --owner."
        )
    settled = Roles(roles.gateway, roles.auditor, roles.owner or owner, schema)
    others = present(connection)  # they lose their rights to the views with the views
    for step in steps(settled):
        _run(connection, step.statements)
    if roles.auditor is not None:
        for name in others.auditors:
            _run(connection, _auditor(name, _quote(schema)))


@dataclass(frozen=True, slots=True)
class Present:
    """Who has rights now, by name, beside the owner."""

    gateways: Sequence[str]
    auditors: Sequence[str]


def present(connection: Connection) -> Present:
    """Who may add decisions, and who may look into the schema of views."""
    return Present(
        connection.execute(_GATEWAYS).scalars().all(),
        connection.execute(_AUDITORS, {"schema": views.SCHEMA}).scalars().all(),
    )


@contextlib.contextmanager
def without_views(connection: Connection) -> Iterator[None]:
    """For a migration, by the owner: the views stand in its way, and new tables need the old grants.

    Afterwards the views are there again if the tables are those of this version.
    """
    known = present(connection)
    has_schema = inspect(connection).has_schema(views.SCHEMA)
    if has_schema:
        for name in inspect(connection).get_view_names(views.SCHEMA):
            connection.exec_driver_sql(f"DROP VIEW {views.SCHEMA}.{_quote(name)}")
    yield
    if not _is_current(connection):
        return
    schema = _quote(connection.execute(_WHERE).one()[0])
    for gateway in known.gateways:
        _run(connection, _gateway_grants(gateway, schema))
    if has_schema:
        _run(connection, views.statements(schema))
        for auditor in known.auditors:
            _run(connection, _auditor(auditor, schema))


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table(VERSION_TABLE):
        return False
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() == REVISIONS[-1]  # noqa: S608


def _run(connection: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement.replace("%", "%%"))


_WHERE = text(
    "SELECT n.nspname, pg_get_userbyid(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relname = 'decisions' AND c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid)"
)
_GATEWAYS = text(
    "SELECT DISTINCT pg_get_userbyid(a.grantee) FROM pg_class c, aclexplode(c.relacl) a "
    "WHERE c.relname = 'decisions' AND c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) "
    "AND a.privilege_type = 'INSERT' AND a.grantee NOT IN (0, c.relowner) ORDER BY 1"
)
_AUDITORS = text(
    "SELECT DISTINCT pg_get_userbyid(a.grantee) FROM pg_namespace n, aclexplode(n.nspacl) a "
    "WHERE n.nspname = :schema AND a.privilege_type = 'USAGE' AND a.grantee NOT IN (0, n.nspowner) ORDER BY 1"
)


def _gateway(role: str, schema: str) -> Iterator[str]:
    yield f"GRANT USAGE ON SCHEMA {schema} TO {_quote(role)}"
    yield f"REVOKE ALL ON {_listed(schema, (*_TABLES, VERSION_TABLE))} FROM PUBLIC, {_quote(role)}"
    yield from _gateway_grants(role, schema)


def _gateway_grants(role: str, schema: str) -> Iterator[str]:
    for name, rights in GATEWAY_RIGHTS.items():
        if rights:
            yield f"GRANT {', '.join(rights)} ON {schema}.{name} TO {_quote(role)}"
        if "INSERT" in rights and (sequence := _sequence(name)):
            yield f"GRANT USAGE ON SEQUENCE {schema}.{sequence} TO {_quote(role)}"
    yield f"GRANT SELECT ON {schema}.{VERSION_TABLE} TO {_quote(role)}"


def _vault(role: str, schema: str) -> Iterator[str]:
    yield f"CREATE SCHEMA IF NOT EXISTS {VAULT_SCHEMA} AUTHORIZATION {_quote(role)}"
    for name in _VAULT_TABLES:
        yield f"ALTER TABLE IF EXISTS {_quote(schema)}.{name} SET SCHEMA {VAULT_SCHEMA}"
        yield f"ALTER TABLE IF EXISTS {VAULT_SCHEMA}.{name} OWNER TO {_quote(role)}"
    yield _search_path(role, VAULT_SCHEMA, schema)


def _auditor(role: str, schema: str) -> Iterator[str]:
    yield f"REVOKE ALL ON {_listed(schema, (*_TABLES, VERSION_TABLE))} FROM PUBLIC, {_quote(role)}"
    yield f"GRANT USAGE ON SCHEMA {views.SCHEMA} TO {_quote(role)}"
    yield f"GRANT SELECT ON {_listed(views.SCHEMA, views.names())} TO {_quote(role)}"
    for name in AUDITOR_ADDS:
        yield f"GRANT INSERT ON {views.SCHEMA}.{name} TO {_quote(role)}"
        if sequence := _sequence(name):
            yield f"GRANT USAGE ON SEQUENCE {schema}.{sequence} TO {_quote(role)}"


def _sequence(table: str) -> str | None:
    key = Base.metadata.tables[table].autoincrement_column
    return None if key is None else f"{table}_{key.name}_seq"


def _login(role: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {_literal(role)}) "
        f"THEN CREATE ROLE {_quote(role)} LOGIN; END IF; END $$"
    )


def _search_path(role: str, *path: str) -> str:
    joined = ", ".join(map(_quote, path))
    return (
        f"DO $$ BEGIN EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = {joined}', "
        f"{_literal(role)}, current_database()); END $$"
    )


def _listed(schema: str, names: Iterable[str]) -> str:
    return ", ".join(f"{schema}.{name}" for name in names)


def _quote(name: str) -> str:
    return f'"{name}"'


def _literal(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
