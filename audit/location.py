"""Where Coatcheck keeps its state on this machine (XDG Base Directory). Imports nothing of ours, creates nothing."""

from __future__ import annotations

import os
from pathlib import Path

STATE_DIR_VARIABLE = "COATCHECK_STATE_DIR"
DATABASE_VARIABLE = "COATCHECK_DATABASE"


def state_dir() -> Path:
    """``$COATCHECK_STATE_DIR``, else ``$XDG_STATE_HOME/coatcheck``, else ``~/.local/state/coatcheck``.

    As the XDG specification demands, an ``XDG_STATE_HOME`` that is not absolute is ignored. Raises RuntimeError if
    there is neither variable nor home directory.
    """
    if own := os.environ.get(STATE_DIR_VARIABLE):
        return Path(own).expanduser().absolute()
    xdg = Path(os.environ.get("XDG_STATE_HOME", ""))
    base = xdg if xdg.is_absolute() else Path.home() / ".local" / "state"
    return base / "coatcheck"


def default_database_url() -> str:
    """URL of the SQLite file ``audit.db`` in `state_dir`."""
    path = str(state_dir() / "audit.db")
    for special in "%?#":
        path = path.replace(special, f"%{ord(special):02X}")
    return f"sqlite:///{path}"
