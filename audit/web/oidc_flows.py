"""Sign-ins that went to the issuer and have not come back: in memory, each usable once, by its browser, for a while."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field

from audit.web.rates import Rates

LASTS_S = 600
MAX_FLOWS = 1000


@dataclass(frozen=True, slots=True)
class Flow:
    """One way to the issuer and back."""

    browser: str
    """Hash of the browser's cookie."""
    nonce: str
    verifier: str
    redirect_uri: str
    target: str
    began: float


@dataclass(slots=True)
class Flows:
    """Those under way. Safe to use from several threads."""

    beginning: Rates = field(default_factory=lambda: Rates(0.5, 20))
    _flows: dict[str, Flow] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, flow: Flow) -> str:
        """Its state."""
        state = secrets.token_urlsafe(32)
        with self._lock:
            if len(self._flows) >= MAX_FLOWS:
                del self._flows[next(iter(self._flows))]
            self._flows[state] = flow
        return state

    def take(self, state: str, browser: str, now: float) -> Flow | None:
        """The flow of a state, if it began in this browser and not too long ago; it is then used up."""
        with self._lock:
            flow = self._flows.pop(state, None)
        return flow if flow is not None and flow.browser == browser and now < flow.began + LASTS_S else None
