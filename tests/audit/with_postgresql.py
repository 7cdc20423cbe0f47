"""Runs a command with a PostgreSQL server of its own: a new cluster on loopback, thrown away afterwards.

    python tests/audit/with_postgresql.py python -m pytest tests/audit/test_ledger.py tests/audit/test_ledger_torture.py

The command finds the server's URL in ``COATCHECK_TEST_POSTGRESQL``. Needs Debian's package ``postgresql`` (its
programs may be outside the path) and ``psycopg``; as root, the server runs as the user ``postgres``, as it insists.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path


def program(name: str) -> str:
    """A program of PostgreSQL's: the newest in Debian's place, else the one in the path."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    found = str(installed[-1]) if installed else shutil.which(name)
    if found is None:
        sys.exit(f"{name} is not installed: apt-get install postgresql")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that the server is stopped then, too
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="coatcheck-postgresql-") as folder:
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        data, port = f"{folder}/data", free_port()
        quiet = {"check": True, "user": user, "cwd": folder, "stdout": subprocess.DEVNULL}
        subprocess.run([program("initdb"), "-D", data, "-U", "coatcheck", "-A", "trust", "-E", "UTF8"], **quiet)
        settings = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
        control = [program("pg_ctl"), "-D", data, "-w"]
        subprocess.run([*control, "-l", f"{folder}/log", "-o", settings, "start"], **quiet)
        try:
            url = f"postgresql://coatcheck@127.0.0.1:{port}/postgres"
            return subprocess.run(sys.argv[1:], env=os.environ | {"COATCHECK_TEST_POSTGRESQL": url}).returncode
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet)


if __name__ == "__main__":
    sys.exit(main())
