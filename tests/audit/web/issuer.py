"""An identity provider of our own on loopback: discovery, sign-in, keys, tokens; each can be told to be wrong."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwk, jwt

CLIENT = "coatcheck-audit"
SECRET = "a secret: of+the client's"


class Issuer:
    """See the file's first line. ``claims`` and ``metadata`` replace what would be sent; None drops it."""

    def __init__(self, port: int) -> None:
        self.address = f"http://localhost:{port}"
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.first = {"RS256": jwk.generate_key("RSA", 2048), "ES256": jwk.generate_key("EC", "P-256")}
        self.reset()

    def reset(self) -> None:
        self.claims: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.algorithm = "RS256"
        self.sent: str | None = None
        self.refuses = False
        self.shows_a_page = False
        self.statuses: dict[str, int] = {}
        self.keys = dict(self.first)
        self.kids = {"RS256": "r1", "ES256": "e1"}
        self.asked.clear()

    def rotate(self) -> None:
        self.keys = {"ES256": jwk.generate_key("EC", "P-256")}
        self.kids = {"ES256": "e2"}
        self.algorithm = "ES256"

    def published(self) -> dict[str, Any]:
        return {"keys": [
            {**key.as_dict(private=False), "kid": self.kids[name], "use": "sig", "alg": name}  # type: ignore[attr-defined]
            for name, key in self.keys.items()
        ]}  # fmt: skip

    def discovery(self) -> dict[str, Any]:
        found = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "end_session_endpoint": f"{self.address}/end",
            **self.metadata,
        }
        return {name: value for name, value in found.items() if value is not None}

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser goes back to."""
        state = {"state": query["state"]}
        if self.refuses:
            return f"{query['redirect_uri']}?{urlencode(state | {'error': 'access_denied'})}"
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode(state | {'code': code})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        query = self.codes.pop(form.get("code", ""), None)
        name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        given = {**dict(parse_qsl(f"a={name}&b={secret}"))}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if (
            query is None
            or (given.get("a"), given.get("b")) != (CLIENT, SECRET)
            or (query["client_id"], query["code_challenge_method"]) != (CLIENT, "S256")
            or query["code_challenge"] != challenge.rstrip("=")
            or form["redirect_uri"] != query["redirect_uri"]
        ):
            return None
        return {"access_token": "an-access-token", "token_type": "Bearer", "id_token": self.id_token(query["nonce"])}

    def id_token(self, nonce: str) -> str:
        if self.sent is not None:
            return self.sent
        now = int(time.time())
        claims = {
            "iss": self.address, "sub": "248289761001", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce,
            "preferred_username": "李 Ann", "email": "ann@example.com", "email_verified": True,
            "groups": ["staff", "privacy-audit"], **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.kids.get(self.algorithm), **self.header}
        header = {name: value for name, value in header.items() if value is not None}
        if self.algorithm not in self.keys:  # none, or one that is not taken
            parts = (json.dumps(part).encode() for part in (header, claims))
            return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."
        return jwt.encode(header, claims, self.keys[self.algorithm], algorithms=[self.algorithm])


@contextmanager
def serving() -> Iterator[Issuer]:
    """The provider, on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self._noted()
            if path == "/authorize":
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                address = issuer.authorize(query)
                page = f'<a href="{html.escape(address)}">Let me in</a>'.encode() if issuer.shows_a_page else b""
                self.send_response(200 if page else 303)
                self.send_header("content-type" if page else "location", "text/html" if page else address)
                self.send_header("content-length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)
                return
            answers = {"/.well-known/openid-configuration": issuer.discovery, "/keys": issuer.published}
            self._answer(path, answers[path]() if path in answers else None)

        def do_POST(self) -> None:
            path = self._noted()
            form = dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
            self._answer(path, issuer.token(form, self.headers.get("authorization", "")))

        def _noted(self) -> str:
            path = urlsplit(self.path).path
            issuer.asked.append(path)
            return path

        def _answer(self, path: str, content: dict[str, Any] | None) -> None:
            body = json.dumps(content if content is not None else {"error": "invalid_grant"}).encode()
            self.send_response(issuer.statuses.get(path, 200 if content is not None else 400))
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
