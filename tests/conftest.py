"""``--database``: on which database the tests run that take one, SQLite (the default), PostgreSQL or both.

A test that takes ``url`` (or what is made of it) runs on what was chosen. One that takes ``database_path``, or is
marked ``sqlite_only("why")``, is about SQLite itself and left out on PostgreSQL; one marked ``postgresql_too`` runs on
both always, and one that takes ``postgresql`` on that alone. Where PostgreSQL is not installed these are left out. What
was left out and why is said at the end.

PostgreSQL is a server of the session's own (`tests.postgresql`), or the one that ``COATCHECK_TEST_POSTGRESQL`` names by
URL; each test has a database of its own there, copied from one that was migrated.
"""

from __future__ import annotations

import importlib.util
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import postgresql as own

LEFT_OUT = pytest.StashKey[Counter[str]]()
SERVER = "COATCHECK_TEST_POSTGRESQL"


class Hosted:
    """The server that the environment names, with what the tests use of `tests.postgresql.Server`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def url(self, database: str = "postgres", user: str | None = None) -> str:
        import sqlalchemy as sa

        there = sa.make_url(self._url).set(drivername="postgresql", database=database)
        there = there if user is None else there.set(username=user)
        return there.render_as_string(hide_password=False)

    sql = own.Server.sql
    new_database = own.Server.new_database
    drop_database = own.Server.drop_database


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql", "both"),
        default="sqlite",
        help="what tests that take a database run on; PostgreSQL is started for them (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    os.environ.pop("COLUMNS", None)  # pytest-xdist sets it, and what goes into a pipe is as wide as it is
    config.addinivalue_line("markers", "sqlite_only(why): about SQLite itself; left out on PostgreSQL")
    config.addinivalue_line("markers", "postgresql_too: runs on both databases, whatever --database says")
    if config.getoption("--database") != "sqlite" and (problem := _unavailable()):
        raise pytest.UsageError(f"--database={config.getoption('--database')}: {problem}")


def _unavailable() -> str | None:
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed (pip install 'coatcheck[postgresql]')"
    return None if os.environ.get(SERVER) else own.why_not()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_kind" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("--database")
    both = chosen == "both" or any(metafunc.definition.iter_markers("postgresql_too"))
    if both or chosen == "postgresql":
        kinds = ("sqlite", "postgresql") if both else ("postgresql",)
        metafunc.parametrize("database_kind", kinds, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = [_why_left_out(item) for item in items]
    out = [item for item, why in zip(items, reasons, strict=True) if why]
    config.stash[LEFT_OUT] = left_out = Counter(filter(None, reasons))
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = dict(left_out)
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item, why in zip(items, reasons, strict=True) if not why]


def _why_left_out(item: pytest.Item) -> str | None:
    names = getattr(item, "fixturenames", ())
    spec = getattr(item, "callspec", None)
    here = "postgresql" in names
    kind = None if spec is None else spec.params.get("database_kind")
    if (kind or item.config.getoption("--database")) == "postgresql":
        here = here or kind == "postgresql"
        if marker := item.get_closest_marker("sqlite_only"):
            return f"about SQLite itself: {marker.args[0]}"
        if "database_path" in names and kind == "postgresql":
            return "about SQLite itself: its file is looked at, locked, copied or removed"
    return _unavailable() if here else None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """pytest-xdist's: its workers chose, all of them the same."""
    if left_out := getattr(node, "workeroutput", {}).get("left_out"):
        node.config.stash[LEFT_OUT] = Counter(left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(LEFT_OUT, Counter())
    if left_out:
        terminalreporter.section("left out")
        for why, count in sorted(left_out.items()):
            terminalreporter.line(f"{count:4d} on PostgreSQL: {why}")


@pytest.fixture(scope="session")
def database_kind(request: pytest.FixtureRequest) -> str:
    """``sqlite`` or ``postgresql``."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[own.Server | Hosted]:
    """The session's PostgreSQL server; tests that take it run on that alone."""
    if named := os.environ.get(SERVER):
        yield Hosted(named)
        return
    with own.running() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_template(postgresql: own.Server) -> Iterator[str]:
    """A database with this version's schema, and nobody connected to it."""
    from audit.database import open_database

    name = postgresql.new_database()
    open_database(postgresql.url(name))
    yield name
    postgresql.drop_database(name)


@pytest.fixture(scope="session")
def database_at(database_kind: str, request: pytest.FixtureRequest) -> Iterator[Callable[[Path], str]]:
    """Makes URLs of databases on what the session runs on: the file of that name, or a new one on the server."""
    if database_kind == "sqlite":
        yield lambda path: f"sqlite:///{path}"
        return
    server: own.Server = request.getfixturevalue("postgresql")
    template: str = request.getfixturevalue("migrated_template")
    made: list[str] = []

    def make(_path: Path) -> str:
        made.append(server.new_database(template))
        return server.url(made[-1])

    yield make
    for name in made:
        server.drop_database(name)


@pytest.fixture
def url(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the test's own: on SQLite a file that is not there yet, on PostgreSQL an empty one, migrated."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'state' / 'audit.db'}"
        return
    server: own.Server = request.getfixturevalue("postgresql")
    name = server.new_database(request.getfixturevalue("migrated_template"))
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def empty_url(database_kind: str, url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """As `url`, and on PostgreSQL without tables, too."""
    if database_kind == "sqlite":
        yield url
        return
    server: own.Server = request.getfixturevalue("postgresql")
    name = server.new_database()
    yield server.url(name)
    server.drop_database(name)
