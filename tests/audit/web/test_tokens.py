"""Tokens: shown once, kept as hashes, ended at once; sessions and rates."""

from __future__ import annotations

import datetime as dt
import json
import stat
from pathlib import Path

import pytest

from audit.errors import AuditError
from audit.web.rates import Rates
from audit.web.sessions import IDLE, LASTS, Identity, Sessions
from audit.web.tokens import Role, TokenFile

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "state" / "audit-tokens.json")


def test_a_token_lets_in_until_it_runs_out_and_is_nowhere_on_disk(file: TokenFile) -> None:
    made, text = file.create("ann", Role.AUDITOR, 1, NOW)
    assert file.find(text, NOW) == made
    assert file.find(text, NOW + dt.timedelta(days=1)) is None
    assert file.find(text + "x", NOW) is None and file.find("", NOW) is None
    assert text not in file.path.read_text() and text.removeprefix("cct_") not in file.path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700


def test_revoking_works_at_once_in_another_process_s_view(file: TokenFile) -> None:
    made, text = file.create("ann", Role.ADMIN, 30, NOW)
    other = TokenFile(file.path)
    assert other.find(text, NOW) is not None
    file.revoke(made.id, NOW)
    assert other.find(text, NOW) is None and other.with_id(made.id, NOW) is None
    assert file.revoke(made.id, NOW + dt.timedelta(hours=1)).revoked == NOW
    with pytest.raises(AuditError, match="token list"):
        file.revoke("00000000", NOW)


@pytest.mark.parametrize(("name", "days"), [("", 1), ("a b", 1), ("<b>", 1), ("a" * 65, 1), ("ann", 0), ("ann", 99999)])
def test_odd_names_and_times_are_refused(file: TokenFile, name: str, days: int) -> None:
    with pytest.raises(AuditError):
        file.create(name, Role.AUDITOR, days, NOW)
    assert not file.path.exists()


def test_names_may_be_chinese(file: TokenFile) -> None:
    assert file.create("王小明", Role.AUDITOR, 1, NOW)[0] == file.tokens()[0]


def test_a_file_that_others_may_read_is_refused(file: TokenFile) -> None:
    _, text = file.create("ann", Role.AUDITOR, 1, NOW)
    file.path.chmod(0o640)
    with pytest.raises(AuditError, match="chmod 600"):
        file.find(text, NOW)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "x", "tokens": []}', '{"format": 1'])
def test_a_file_that_is_none_is_named(file: TokenFile, content: str) -> None:
    file.create("ann", Role.AUDITOR, 1, NOW)
    file.path.write_text(content)
    with pytest.raises(AuditError, match="no file of tokens"):
        TokenFile(file.path).tokens()


def test_the_file_lists_only_hashes(file: TokenFile) -> None:
    file.create("ann", Role.AUDITOR, 1, NOW)
    (one,) = json.loads(file.path.read_text())["tokens"]
    assert set(one) == {"id", "name", "role", "hash", "created", "expires", "revoked"} and len(one["hash"]) == 64


def test_sessions_end_idle_old_and_on_signing_out() -> None:
    sessions, ann = Sessions(), Identity("ann", Role.AUDITOR, None)
    one = sessions.begin(ann, NOW)
    assert sessions.find(one, NOW + IDLE / 2) == ann
    assert sessions.find(one, NOW + IDLE / 2 + IDLE) is None
    two = sessions.begin(ann, NOW)
    moment = NOW
    while moment + IDLE / 2 < NOW + LASTS:
        moment += IDLE / 2
        assert (sessions.find(two, moment) is None) == (moment >= NOW + LASTS)
    three = sessions.begin(ann, NOW)
    sessions.end(three)
    assert sessions.find(three, NOW) is None
    four = sessions.begin(Identity("bo", Role.ADMIN, None, NOW + dt.timedelta(minutes=1)), NOW)
    assert sessions.find(four, NOW + dt.timedelta(minutes=2)) is None


def test_a_form_is_bound_to_its_cookie_and_server() -> None:
    one, other = Sessions(), Sessions()
    assert one.is_form_token(one.form_token("a"), "a")
    assert not one.is_form_token(one.form_token("a"), "b")
    assert not other.is_form_token(one.form_token("a"), "a")
    assert not one.is_form_token("é\udcff", "a")


def test_rates_admit_a_burst_then_a_trickle() -> None:
    rates = Rates(2.0, 3)
    assert [rates.wait("ann", 0.0) for _ in range(3)] == [0, 0, 0]
    assert rates.wait("ann", 0.0) == pytest.approx(0.5)
    assert rates.wait("bo", 0.0) == 0
    assert rates.wait("ann", 0.5) == 0
