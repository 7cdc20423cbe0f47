"""What every request needs at hand: the database, the statistics, the ledger, who may ask, the record of reads.

One object for one server; `fastapi` finds it at ``app.state.desk``.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from fastapi import Request

from audit.database import Database
from audit.errors import AuditError
from audit.export import proof_lines
from audit.filters import Query
from audit.query import Page, Reader, Record
from audit.schema import Base
from audit.statistics import Statistics
from audit.web.documents import PolicyDocument
from audit.web.ledger_state import LedgerWatch
from audit.web.oidc_flows import Flows
from audit.web.oidc_issuer import Issuer
from audit.web.rates import Rates
from audit.web.reads import Reads
from audit.web.sessions import Identity, Sessions
from audit.web.tokens import Token, TokenFile

log = logging.getLogger("coatcheck.audit.web")

_policies = Base.metadata.tables["policies"]


@dataclass(slots=True)
class Desk:
    """See the file's first line."""

    database: Database
    """Read-only."""
    reader: Reader
    statistics: Statistics
    ledger: LedgerWatch
    reads: Reads
    tokens: TokenFile
    sessions: Sessions = field(default_factory=Sessions)
    asking: Rates = field(default_factory=lambda: Rates(20.0, 60))
    """By who asks."""
    signing_in: Rates = field(default_factory=lambda: Rates(0.2, 10))
    """By address: wrong tokens."""
    issuer: Issuer | None = None
    """The identity provider, if the configuration names one."""
    flows: Flows = field(default_factory=Flows)
    tls: bool = False
    time_limit_s: float = 10.0

    def identity_of(self, text: str) -> Identity | None:
        """Who has this token. Raises AuditError."""
        found = self.tokens.find(text, dt.datetime.now(dt.UTC))
        return None if found is None else as_identity(found)

    def session(self, cookie: str | None) -> Identity | None:
        """Whose session this is, if it and the token that began it still hold. Raises AuditError."""
        now = dt.datetime.now(dt.UTC)
        identity = None if not cookie else self.sessions.find(cookie, now)
        if identity is not None and identity.token_id is not None:
            token = self.tokens.with_id(identity.token_id, now)
            return None if token is None else as_identity(token)
        return identity

    def too_soon(self, identity: Identity) -> float:
        """Seconds to wait; 0 if the request is admitted."""
        return self.asking.wait(f"{identity.token_id}/{identity.name}", time.monotonic())

    def record(
        self,
        request: Request,
        identity: Identity,
        filters: Mapping[str, Sequence[str]],
        *,
        via: str,
        record_id: str | None = None,
    ) -> None:
        """Record that this is read. Raises AuditError: then it must not be."""
        route = getattr(request.scope.get("route"), "path", request.url.path)
        client = None if request.client is None else request.client.host
        self.reads.record(identity, via, route, filters, record_id=record_id, client_address=client)

    def page(self, query: Query) -> Page:
        """One page of records. Raises AuditError."""
        return self.reader.page(query)

    def proof(self, record: Record) -> str:
        """The proof of one record, as `coatcheck audit proof` writes it. Raises AuditError (``proof``)."""
        return "\n".join(proof_lines(self.database, record)) + "\n"

    def policy(self, name: str) -> PolicyDocument:
        """The policy of a hash. Raises AuditError (``not_found``)."""
        rows = [one for one in self.reader.policies(name) if one.hash == name]
        if not rows:
            raise AuditError("not_found", "No policy with this hash was recorded.")
        text = rows[0].policy
        policy = _parsed(text)
        counted = isinstance(policy, dict) and isinstance(policy.get("allow_list"), dict)
        return PolicyDocument(
            hash=name,
            first_seen=min(row.time for row in rows),
            tenants=sorted({row.tenant for row in rows}),
            policy=policy,
            genuine=None if counted else sha256(text.encode()).hexdigest() == name,
        )


def as_identity(token: Token) -> Identity:
    """Who a token is of."""
    return Identity(token.name, token.role, token.id, token.expires)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
