"""Who is signed in at the page. In memory, by the cookie's hash: a restart signs everybody out. Pure but for chance.

A session that a token began ends with that token: the caller asks the file of tokens again at every request.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass

from audit.web.tokens import Role, hash_of

LASTS = dt.timedelta(hours=12)
IDLE = dt.timedelta(hours=1)
MAX_SESSIONS = 1000


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks."""

    name: str
    role: Role
    token_id: str | None
    """None: an identity provider signed them in, and ``name`` is ``oidc:`` and its subject."""
    until: dt.datetime | None = None
    """When the token, or the session that the configuration grants to an identity provider's people, runs out."""
    shown: str | None = None
    """What the page calls them, if not by ``name``; kept nowhere."""


@dataclass(slots=True)
class _Session:
    identity: Identity
    began: dt.datetime
    used: dt.datetime


class Sessions:
    """Sessions of one server. Safe to use from several threads."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()
        self._secret = secrets.token_bytes(32)

    def begin(self, identity: Identity, now: dt.datetime) -> str:
        """A new session; returns the cookie's value, which is nowhere else."""
        value = secrets.token_urlsafe(32)
        with self._lock:
            for key in [key for key, one in self._sessions.items() if not _holds(one, now)]:
                del self._sessions[key]
            if len(self._sessions) >= MAX_SESSIONS:
                del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].used)]
            self._sessions[hash_of(value)] = _Session(identity, now, now)
        return value

    def find(self, value: str, now: dt.datetime) -> Identity | None:
        """Whose session this is, if it holds; it is then in use."""
        with self._lock:
            session = self._sessions.get(hash_of(value))
            if session is None:
                return None
            if not _holds(session, now):
                del self._sessions[hash_of(value)]
                return None
            session.used = now
            return session.identity

    def end(self, value: str) -> None:
        """Sign out."""
        with self._lock:
            self._sessions.pop(hash_of(value), None)

    def form_token(self, cookie: str) -> str:
        """What a form must bring along, for the cookie of a session (or of a browser that has none yet)."""
        return hmac.new(self._secret, cookie.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def is_form_token(self, given: str, cookie: str) -> bool:
        """Whether a form was made for this cookie by this server."""
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self.form_token(cookie).encode())


def _holds(session: _Session, now: dt.datetime) -> bool:
    until = session.identity.until
    return now < session.began + LASTS and now < session.used + IDLE and (until is None or now < until)
