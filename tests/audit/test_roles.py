"""PostgreSQL's accounts: the gateway's adds, an auditor's reads views, nobody changes a row; with real roles."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import errors
from starlette.testclient import TestClient
from typer.testing import CliRunner, Result

from audit.checkpoint import load_key
from audit.checkpointer import CheckpointPlan
from audit.cli import app
from audit.database import migrate_to, open_database, open_read_only
from audit.errors import AuditError
from audit.migrations import REVISIONS, VERSION_TABLE
from audit.query import Query, Reader
from audit.recorder import Recorder
from audit.roles import GATEWAY_RIGHTS, Roles, steps
from audit.schema import TABLES, Base
from audit.views import SCHEMA, names
from audit.web.app import create_app, open_desk
from audit.web.reads import read_page
from audit.web.tokens import Role
from audit.writer import Writer
from tests.audit.conftest import make_decision, make_outcome, make_policy
from tests.postgresql import Server


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "COATCHECK_DATABASE": None})


@dataclass(frozen=True)
class Accounts:
    """URLs of one database, by account. The names are the module's own: roles are a server's, not a database's."""

    admin: str
    owner: str
    gateway: str
    auditor: str
    roles: Roles


@pytest.fixture(scope="module")
def accounts(postgresql: Server) -> Iterator[Accounts]:
    name, mark = postgresql.new_database(), uuid.uuid4().hex[:8]
    roles = Roles(f"gateway-{mark}", f"auditor.{mark}", f"owner_{mark}")
    assert roles.gateway and roles.auditor and roles.owner
    urls = [postgresql.url(name, role) for role in (roles.owner, roles.gateway, roles.auditor)]
    admin = postgresql.url(name)
    done = run("roles", "--database", admin, "--gateway", roles.gateway, "--auditor", roles.auditor,
               "--owner", roles.owner)  # fmt: skip
    assert done.exit_code == 0, done.output
    made = Accounts(admin, *urls, roles)
    writer = Writer(made.gateway, busy_timeout_s=1)
    first, second = make_decision(), make_decision(action="block", route=None)
    assert writer.write([make_policy(), first, second, make_outcome(first)]) == [None] * 4
    assert writer.write([first, make_outcome(first)], again=True) == [None] * 2
    writer.close()
    yield made
    postgresql.drop_database(name)


def refused(url: str, statement: str) -> str:
    with psycopg.connect(url) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(statement)  # type: ignore[arg-type]
    return str(caught.value.sqlstate)


def test_every_table_has_its_rights() -> None:
    """A new table: say in `audit.roles.GATEWAY_RIGHTS` what recording needs of it, () if nothing."""
    assert set(GATEWAY_RIGHTS) == set(Base.metadata.tables)


async def test_the_gateways_account_is_enough_to_record_and_sign(accounts: Accounts, tmp_path: Path) -> None:
    recorder = Recorder(accounts.gateway, checkpoints=CheckpointPlan(tmp_path / "ledger.key", every_records=1))
    await recorder.start()
    decision = make_decision()
    await recorder.record_decision(decision)
    await recorder.record_policy(make_policy())
    await recorder.record_outcome(make_outcome(decision))
    await recorder.stop()
    assert Reader(open_read_only(accounts.auditor)).find(decision.id).outcome is not None
    key = str(load_key(tmp_path / "ledger.key").public_key)
    verified = run("verify", "--database", accounts.auditor, "--public-key", key)
    assert verified.exit_code == 0, verified.output


@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
@pytest.mark.parametrize("table", TABLES)
def test_nobody_changes_or_removes_a_row(accounts: Accounts, table: str, statement: str) -> None:
    with psycopg.connect(accounts.owner) as connection:
        cursor = connection.execute(f"SELECT * FROM {table}")  # type: ignore[arg-type]
        assert cursor.description is not None
        column = cursor.description[0].name
    filled = statement.format(table, column, column)
    denied = errors.InsufficientPrivilege.sqlstate
    assert refused(accounts.gateway, filled) == denied
    with psycopg.connect(accounts.auditor) as connection, pytest.raises(psycopg.Error):
        connection.execute(filled)  # type: ignore[arg-type]
    assert refused(accounts.auditor, filled.replace(table, f"public.{table}")) == denied
    guarded = pytest.raises(errors.IntegrityConstraintViolation, match=f"{table} is append-only")
    with psycopg.connect(accounts.owner) as connection, guarded:
        connection.execute(filled)  # type: ignore[arg-type]


def test_the_gateways_account_cannot_read_what_it_recorded(accounts: Accounts) -> None:
    denied = errors.InsufficientPrivilege.sqlstate
    hidden = ("principal FROM decisions", "* FROM findings", "fingerprint FROM fingerprints", "policy FROM policies",
              "* FROM reads", f"* FROM {SCHEMA}.records")  # fmt: skip
    for question in (f"SELECT {what}" for what in hidden):
        assert refused(accounts.gateway, question) == denied
    assert refused(accounts.gateway, f"INSERT INTO {VERSION_TABLE} VALUES ('9999')") == denied
    with pytest.raises(AuditError, match=r"this account lacks a right.*coatcheck audit roles") as caught:
        list(Reader(open_read_only(accounts.gateway)).records(Query()))
    assert caught.value.code == "unopenable"


def test_an_auditors_account_reads_views_and_no_table(accounts: Accounts) -> None:
    with psycopg.connect(accounts.auditor) as connection:
        for name in names():
            assert connection.execute(f"SELECT count(*) FROM {name}").fetchone()  # type: ignore[arg-type]
        states = dict(connection.execute("SELECT action, state FROM records WHERE action <> 'mask' OR status = 200"))
        assert states == {"block": "refused", "mask": "complete"}
        row = connection.execute("SELECT entity, count, actions FROM findings_by_decision LIMIT 1").fetchone()
        assert row == ("EMAIL_ADDRESS", 2, "mask")
        leaves, = connection.execute("SELECT leaves FROM ledger_status").fetchone() or (0,)  # fmt: skip
        assert leaves >= 4
        connection.execute("INSERT INTO reads (time, reader, role, via, route, filters) "
                           "VALUES (now(), 'ann', 'auditor', 'api', '/', '{}')")  # fmt: skip
    for table in TABLES:
        assert refused(accounts.auditor, f"SELECT * FROM public.{table}") == errors.InsufficientPrivilege.sqlstate
    added = "INSERT INTO policies (id, time, tenant, hash, policy) SELECT id, time, tenant, 'x', policy FROM policies"
    assert refused(accounts.auditor, added) == errors.InsufficientPrivilege.sqlstate


@pytest.mark.parametrize(
    "command",
    [("list",), ("list", "--entity", "EMAIL_ADDRESS", "--status", "2xx", "--json"), ("show", "1"), ("stats",),
     ("top", "entity"), ("timeline",), ("path",)],
)  # fmt: skip
def test_the_commands_work_on_the_auditors_account(accounts: Accounts, command: tuple[str, ...]) -> None:
    done = run(*command, "--database", accounts.auditor)
    assert done.exit_code == 0, done.output
    assert done.output


def test_the_page_records_who_looked_on_the_auditors_account(accounts: Accounts, tmp_path: Path) -> None:
    desk = open_desk(accounts.auditor, tmp_path)
    _, token = desk.tokens.create("ann-li", Role.AUDITOR, 30, dt.datetime.now(dt.UTC))
    with TestClient(create_app(desk), base_url="http://127.0.0.1:9090") as client:  # type: ignore[arg-type]
        answer = client.get("/api/v1/records", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200 and answer.json()["records"]
    assert read_page(desk.database)[0].reader == "ann-li"


def test_a_gateway_may_not_migrate_and_says_who_may(accounts: Accounts) -> None:
    migrate_to(open_database(accounts.owner), REVISIONS[-2])
    try:
        for opening in (open_database, open_read_only):
            with pytest.raises(AuditError) as caught:
                opening(accounts.gateway)
            assert caught.value.code == "outdated"
        wanted = f"older schema ({REVISIONS[-2]}; this Coatcheck needs {REVISIONS[-1]})"
        with pytest.raises(AuditError) as caught:
            open_database(accounts.gateway)
        assert wanted in caught.value.message and "coatcheck audit migrate" in caught.value.message
    finally:
        done = run("migrate", "--database", accounts.owner)
    assert done.exit_code == 0 and done.output.endswith(f"schema {REVISIONS[-1]}\n")
    # What was granted before holds on.
    writer = Writer(accounts.gateway, busy_timeout_s=1)
    assert writer.write([make_decision()]) == [None]
    writer.close()
    assert list(Reader(open_read_only(accounts.auditor)).records(Query(limit=1)))


def test_an_account_that_may_create_nothing_says_so(postgresql: Server, accounts: Accounts) -> None:
    assert accounts.roles.gateway is not None
    name = postgresql.new_database()
    try:
        with pytest.raises(AuditError, match="no audit tables yet, and the account gateway-") as caught:
            open_database(postgresql.url(name, accounts.roles.gateway))
        assert caught.value.code == "outdated"
    finally:
        postgresql.drop_database(name)


def test_tables_that_are_the_gateways_own_need_an_owner(postgresql: Server, accounts: Accounts) -> None:
    gateway, owner = accounts.roles.gateway, accounts.roles.owner
    assert gateway and owner
    name = postgresql.new_database()
    admin, own = postgresql.url(name), postgresql.url(name, gateway)
    postgresql.sql(f'ALTER DATABASE {name} OWNER TO "{gateway}"')
    writer = Writer(own, busy_timeout_s=1)
    assert writer.write([make_decision()]) == [None]
    writer.close()
    done = run("roles", "--database", admin, "--gateway", gateway)
    assert done.exit_code == 2 and "--owner" in done.output
    done = run("roles", "--database", admin, "--gateway", gateway, "--owner", owner)
    assert done.exit_code == 0, done.output
    assert refused(own, "ALTER TABLE decisions DISABLE TRIGGER USER") == errors.InsufficientPrivilege.sqlstate
    assert writer.write([make_decision()]) == [None]
    writer.close()
    postgresql.drop_database(name)


def test_the_printed_sql_does_the_same(postgresql: Server, accounts: Accounts) -> None:
    names_given = ("--gateway", str(accounts.roles.gateway), "--auditor", str(accounts.roles.auditor))
    printed = run("roles", "--print", *names_given, "--owner", str(accounts.roles.owner))
    assert printed.exit_code == 0 and "PASSWORD" not in printed.output
    name = postgresql.new_database()
    open_database(postgresql.url(name))
    for _ in range(2):  # it may be run again
        with psycopg.connect(postgresql.url(name)) as connection:
            connection.execute(printed.output)  # type: ignore[arg-type]
    writer = Writer(postgresql.url(name, str(accounts.roles.gateway)), busy_timeout_s=1)
    assert writer.write([make_decision()]) == [None]
    writer.close()
    auditor = postgresql.url(name, str(accounts.roles.auditor))
    assert len(list(Reader(open_read_only(auditor)).records(Query()))) == 1
    postgresql.drop_database(name)


def test_the_vaults_tables_are_the_gateways_own(accounts: Accounts) -> None:
    from addons.vault.tables import open_tables

    with open_tables(accounts.gateway).engine.connect() as connection:
        where = sa.inspect(connection).get_table_names("coatcheck_vault")
    assert {"vault_objects", "vault_records", "vault_data_keys"} <= set(where)
    assert refused(accounts.auditor, "SELECT * FROM coatcheck_vault.vault_records") == "42501"


@pytest.mark.parametrize("name", ['x"; DROP TABLE decisions; --', "", "a" * 64, "a'b", "%I"])
def test_names_that_are_none(name: str) -> None:
    done = run("roles", "--print", "--gateway", name)
    assert done.exit_code == 2 and "up to 63 letters" in done.output


def test_wrong_questions_are_answered(tmp_path: Path) -> None:
    done = run("roles", "--gateway", "g", "--database", f"sqlite:///{tmp_path}/audit.db")
    assert done.exit_code == 2 and "SQLite has no accounts" in done.output
    assert "--gateway ROLE" in run("roles", "--print").output
    assert "different roles" in run("roles", "--print", "--gateway", "one", "--auditor", "one").output


def test_only_one_of_the_accounts() -> None:
    gateway = [statement for step in steps(Roles("g", None)) for statement in step.statements]
    auditor = [statement for step in steps(Roles(None, "a")) for statement in step.statements]
    assert not any("VIEW" in statement or '"a"' in statement for statement in gateway)
    assert not any("INSERT ON public.decisions" in statement for statement in auditor)
