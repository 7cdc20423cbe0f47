"""One filled database per module, and a client of the server in this process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from audit.web.app import create_app, open_desk
from audit.web.desk import Desk
from audit.web.tokens import Role
from tests.audit.web.filled import fill

ADDRESS = "http://127.0.0.1:9090"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("state")
    fill(f"sqlite:///{place}/audit.db", place)
    return place


@pytest.fixture(scope="module")
def desk(state: Path) -> Desk:
    return open_desk(f"sqlite:///{state}/audit.db", state)


@pytest.fixture(scope="module")
def tokens(desk: Desk) -> dict[str, str]:
    now = dt.datetime.now(dt.UTC)
    return {role: desk.tokens.create(f"{role}-li", Role(role), 30, now)[1] for role in ("auditor", "admin")}


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient]:
    """Nobody yet."""
    with TestClient(create_app(desk), base_url=ADDRESS, follow_redirects=False) as made:  # type: ignore[arg-type]
        yield made


@pytest.fixture
def api(client: TestClient, tokens: dict[str, str], desk: Desk) -> Callable[..., httpx.Response]:
    """Asks the REST API as an auditor."""
    desk.asking._buckets.clear()

    def ask(path: str, **parameters: object) -> httpx.Response:
        headers = {"authorization": f"Bearer {tokens['auditor']}"}
        return client.get(f"/api/v1{path}", params=parameters or None, headers=headers)  # type: ignore[arg-type,return-value]

    return ask


def form_token(page: str) -> str:
    return page.split('name="form_token" value="', 1)[1].split('"', 1)[0]


@pytest.fixture
def signed_in(client: TestClient, tokens: dict[str, str], desk: Desk) -> Callable[[str], TestClient]:
    """Signs in through the form."""
    desk.asking._buckets.clear()

    def sign_in(role: str) -> TestClient:
        page = client.get("/sign-in")
        answer = client.post(
            "/sign-in", data={"token": tokens[role], "form_token": form_token(page.text), "next": "/records"}
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/records")
        return client

    return sign_in
