"""A PostgreSQL server of one's own: a new cluster on a socket in a folder of its own, thrown away afterwards.

It promises nothing after a crash (fsync is off) unless asked to. Needs Debian's package ``postgresql``, whose programs
may be outside the path. As root, who may not run it, it runs as ``postgres`` or ``nobody``. Imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

OWNER = "coatcheck"
"""The cluster's superuser. Whoever reaches the socket is believed to be who they say they are."""

_FAST = ("fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0", "shared_buffers=32MB")


def program(name: str) -> str | None:
    """A program of PostgreSQL's: the newest in Debian's place, else the one in the path; None if there is none."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(installed[-1]) if installed else shutil.which(name)


def why_not() -> str | None:
    """What keeps a server from being started here; None if nothing does."""
    missing = [name for name in ("initdb", "pg_ctl") if program(name) is None]
    if missing:
        return f"PostgreSQL is not installed ({', '.join(missing)}: apt-get install postgresql)"
    if os.geteuid() == 0 and _unprivileged() is None:
        return "PostgreSQL does not run as root, and there is no user postgres or nobody"
    return None


class Server:
    """A running server. ``durable``: with fsync, for tests that stop it hard."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        self._durable = durable
        self._user = _unprivileged() if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(folder, pwd.getpwnam(self._user).pw_uid, -1)
        options = ("-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
        self._run("initdb", "-D", str(folder / "data"), *options)

    def start(self) -> None:
        """Start it, also again after `stop`."""
        settings = ["listen_addresses=", f"unix_socket_directories={self.folder}", *(() if self._durable else _FAST)]
        control = ("-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"))
        self._run("pg_ctl", *control, "-o", " ".join(f"-c {one}" for one in settings), "start")

    def stop(self, how: str = "immediate") -> None:
        """``immediate`` is a crash; ``fast`` ends the connections first."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", how, "stop")

    def url(self, database: str = "postgres", user: str = OWNER) -> str:
        """How to reach a database as some user."""
        return f"postgresql://{user}@/{database}?host={quote(str(self.folder), safe='')}"

    def sql(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as superuser, each in a transaction of its own."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]

    def new_database(self, template: str = "template1") -> str:
        """A database's name: a copy of the template, to which nobody may be connected."""
        name = f"audit_{uuid.uuid4().hex}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        self.sql(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, name: str, *arguments: str) -> None:
        command = program(name)
        assert command is not None, why_not()
        privileges: dict[str, Any] = {}
        if self._user is not None:
            privileges = {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}
        log = self.folder / "output"
        with log.open("ab") as output:
            done = subprocess.run([command, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=output, check=False, **privileges)  # fmt: skip
        assert done.returncode == 0, f"{name} failed:\n{log.read_text(errors='replace')[-2000:]}"


@contextlib.contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """A server for the length of a ``with`` block."""
    with tempfile.TemporaryDirectory(prefix="coatcheck-pg-") as folder:
        server = Server(Path(folder), durable=durable)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _unprivileged() -> str | None:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None
