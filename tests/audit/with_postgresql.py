"""Runs a command with a PostgreSQL server of its own, thrown away afterwards.

    python -m tests.audit.with_postgresql python benchmarks/audit.py

The command finds the server's URL in ``COATCHECK_TEST_POSTGRESQL``. With fsync, unlike the test suite's own server
(``pytest --database=postgresql``), so that what is measured on it means something.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests import postgresql


def main() -> int:
    if problem := postgresql.why_not():
        sys.exit(problem)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that the server is stopped then, too
    with postgresql.running(durable=True) as server:
        return subprocess.run(sys.argv[1:], env=os.environ | {"COATCHECK_TEST_POSTGRESQL": server.url()}).returncode


if __name__ == "__main__":
    sys.exit(main())
