"""Where master keys come from: a file of its owner's, a variable, a command with a time limit."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from addons.vault import crypto
from addons.vault.errors import VaultError
from addons.vault.masters import KMS, HeldKeys, KeyCommand, KeyFile, Masters, from_environment, keys_in

PAYLOAD = crypto.payload_of(b"d" * 32, ["tenant"])
SERVICE = """
import base64, sys
key = 0x5A
data = base64.b64decode(sys.stdin.readline())
verb = sys.argv[-1]
assert verb in ("wrap", "unwrap")
print(base64.b64encode(bytes(byte ^ key for byte in data)).decode())
"""


def command(text: str, limit_s: float = 20.0) -> KeyCommand:
    return KeyCommand([sys.executable, "-c", text], limit_s)


def round_trip(masters: Masters) -> None:
    name, wrapped = masters.wrap(PAYLOAD)
    assert name == masters.current
    assert PAYLOAD not in wrapped and b"d" * 32 not in wrapped
    assert masters.unwrap(name, wrapped) == PAYLOAD


def test_a_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "deep" / "vault.key")
    file.ensure()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert [path.name for path in file.path.parent.iterdir()] == ["vault.key"]
    before = file.path.read_bytes()
    KeyFile(file.path).ensure()
    assert file.path.read_bytes() == before
    round_trip(file)
    name, wrapped = file.wrap(PAYLOAD)
    KeyFile(file.path).add_new()
    assert KeyFile(file.path).unwrap(name, wrapped) == PAYLOAD
    assert file.wrap(PAYLOAD)[0] != name
    KeyFile(file.path).drop_old()
    with pytest.raises(VaultError, match=name):
        KeyFile(file.path).unwrap(name, wrapped)


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "vault.key")
    file.ensure()
    file.path.chmod(0o604)
    with pytest.raises(VaultError, match="chmod 600"):
        file.wrap(PAYLOAD)


@pytest.mark.parametrize("text", ["", "# nothing\n", "abc", "z" * 64, "a" * 63, "a" * 64 + " b"])
def test_what_holds_no_key_is_refused_and_not_quoted(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "k"
    path.write_text(text)
    path.chmod(0o600)
    monkeypatch.setenv("VAULT_TEST_KEYS", text)
    for ask in (lambda: KeyFile(path).wrap(PAYLOAD), lambda: from_environment("VAULT_TEST_KEYS")):
        with pytest.raises(VaultError) as caught:
            ask()
        assert caught.value.code == "no_key"
        assert not text.strip() or text.strip() not in caught.value.message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="Restore it from a backup"):
        KeyFile(tmp_path / "none").unwrap("x", b"")


def test_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [crypto.new_key(), crypto.new_key()]
    monkeypatch.setenv("VAULT_TEST_KEYS", ",".join(key.hex().upper() for key in keys))
    masters = from_environment("VAULT_TEST_KEYS")
    round_trip(masters)
    assert masters.ids == [crypto.master_id(key) for key in keys]
    name, wrapped = HeldKeys(keys[1:], "x").wrap(PAYLOAD)
    assert masters.unwrap(name, wrapped) == PAYLOAD
    assert keys_in("# a\n" + keys[0].hex() + " # b\n" + keys[1].hex(), "x") == keys


def test_a_command() -> None:
    round_trip(command(SERVICE))
    assert command(SERVICE).current == KMS
    with pytest.raises(VaultError, match="by a key file"):
        command(SERVICE).unwrap("0123456789abcdef", b"")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys; sys.stderr.write('secret words'); sys.exit(3)", "ended with status 3"),
        ("print('not base64!')", "one line of base64"),
        ("import signal; signal.pause()", "did not answer within 0.3 s"),
    ],
)
def test_a_command_that_fails_is_refused(text: str, said: str) -> None:
    with pytest.raises(VaultError, match=said) as caught:
        command(text, 0.3 if "pause" in text else 20).wrap(PAYLOAD)
    assert (caught.value.code, "secret" in caught.value.message) == ("no_key", False)


def test_a_command_that_is_not_there_is_refused() -> None:
    with pytest.raises(VaultError, match="cannot be run"):
        KeyCommand(["/nonexistent/kms"], 5).unwrap(KMS, b"x")
