"""The gateway's secret: made once, readable by its owner only, one key per use."""

import stat

import pytest

from addons.credentials import credential_of
from addons.keys import KeyFileError, derive, load_or_create


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "state" / "key"
    first = load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert load_or_create(path) == first


def test_each_use_has_its_own_key():
    keys = derive(bytes(32))
    assert len({keys.placeholders, keys.fingerprints, keys.principals}) == 3
    assert derive(bytes(31) + b"\1").placeholders != keys.placeholders


def test_fingerprints_depend_on_tenant_entity_and_value_and_do_not_run_together():
    keys = derive(bytes(32))
    tags = {
        keys.fingerprint("a", "PERSON", "Maria"),
        keys.fingerprint("b", "PERSON", "Maria"),
        keys.fingerprint("a", "USERNAME", "Maria"),
        keys.fingerprint("aP", "ERSON", "Maria"),
        keys.fingerprint("a", "PERSON", "\ud800"),
    }
    assert len(tags) == 5


def test_the_principal_is_a_fingerprint_of_the_credential_never_the_credential():
    keys = derive(bytes(32))
    assert keys.principal("t", "Bearer sk-example-1", "ann").startswith("key-")
    assert "sk-example-1" not in keys.principal("t", "Bearer sk-example-1", None)
    assert keys.principal("t", None, "ann").startswith("user-")
    assert keys.principal("t", None, None) == "anonymous"


def test_a_short_key_file_is_refused_by_name(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"short")
    with pytest.raises(KeyFileError, match=str(path)):
        load_or_create(path)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(KeyFileError, match="cannot"):
        load_or_create(blocker / "key")


def test_googles_key_in_the_query_is_a_credential_where_no_header_has_one():
    target = "/v1beta/models/m:generateContent?alt=sse&key=a%2Bkey"
    assert credential_of([], target) == "a+key"
    assert credential_of([("X-Goog-Api-Key", "other")], target) == "other"
    assert credential_of([], "/v1/x?key=") is None
    assert credential_of([("accept", "*/*")]) is None
