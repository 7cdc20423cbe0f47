"""Signed notes as others make them, keys in files, checkpoints: read, refused, written the same."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.checkpoint import (
    Checkpoint,
    load_key,
    load_or_create_key,
    parse_checkpoint,
    public_keys,
    split_notes,
)
from audit.errors import AuditError
from audit.note import SigningKey, new_key, parse_note, parse_public_key, parse_signing_key

# The example that golang.org/x/mod/sumdb/note documents.
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

KEY = SigningKey("example.org/ledger", bytes(range(32)))
NOTE_OF_7 = Checkpoint(KEY.name, 7, bytes(32)).signed(KEY)


def test_the_documented_note_is_made_and_read() -> None:
    key = parse_signing_key(SECRET)
    assert str(key.public_key) == PUBLIC
    assert key.text() == SECRET
    assert key.sign(TEXT) == NOTE
    note = parse_note(NOTE)
    assert note.text == TEXT
    assert note.signed_by([parse_public_key(PUBLIC)]) is True
    assert note.signed_by([KEY.public_key]) is None
    assert parse_note(NOTE.replace("answer", "question")).signed_by([parse_public_key(PUBLIC)]) is False


def test_a_secret_key_is_not_shown() -> None:
    assert SECRET.rsplit("+", 1)[1] not in repr(parse_signing_key(SECRET))


@pytest.mark.parametrize(
    "text",
    ["", "name", "a+b+c", PUBLIC[:-4], PUBLIC.replace("c74f20a3", "c74f20a4"), PUBLIC.replace("+AR", "+AX"),
     PUBLIC.replace("PeterNeumann", "Peter Neumann"), "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"],
)  # fmt: skip
def test_what_is_no_key(text: str) -> None:
    for parse in (parse_public_key, parse_signing_key):
        with pytest.raises(AuditError, match="no ledger key") as caught:
            parse(text)
        assert caught.value.code == "key"


@pytest.mark.parametrize(
    "note",
    ["", "text\n", "text\n\n", TEXT + "\n- PeterNeumann x08g\n", NOTE.rstrip("\n"), NOTE.replace("— ", "—"),
     NOTE + "more\n", NOTE.replace("you", "y\x07u"), TEXT + "\n— a b c AAAAAAAA\n", TEXT + "\n— a AAA\n",
     TEXT + "\n" + "— a AAAAAAAA\n" * 101],
)  # fmt: skip
def test_what_is_no_note(note: str) -> None:
    with pytest.raises(AuditError, match="no signed note") as caught:
        parse_note(note)
    assert caught.value.code == "note"


@pytest.mark.parametrize("text", ["no newline", "control\x01\n"])
def test_what_cannot_be_signed(text: str) -> None:
    with pytest.raises(ValueError, match="newline"):
        KEY.sign(text)


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_checkpoints_are_read_as_written(size: int, root: bytes) -> None:
    signed = parse_checkpoint(Checkpoint(KEY.name, size, root).signed(KEY), "here")
    assert signed.checkpoint == Checkpoint(KEY.name, size, root)
    assert signed.signed_by([KEY.public_key]) is True


def test_extension_lines_are_passed_over_and_signed() -> None:
    note = KEY.sign(Checkpoint(KEY.name, 7, bytes(32)).text() + "an extension\n")
    assert parse_checkpoint(note).checkpoint.size == 7
    assert parse_checkpoint(note.replace("an ext", "another ext")).signed_by([KEY.public_key]) is False


def test_another_witness_may_sign_beside() -> None:
    witness = SigningKey("witness.example.com", bytes(32))
    text, line = parse_note(NOTE_OF_7).text, witness.sign(parse_note(NOTE_OF_7).text).rpartition("\n\n")[2]
    both = parse_checkpoint(NOTE_OF_7 + line)
    assert both.note.text == text
    assert both.signed_by([KEY.public_key]) is True
    assert parse_checkpoint(text + "\n" + line).signed_by([KEY.public_key, witness.public_key]) is None


@pytest.mark.parametrize(
    "text",
    ["o\n7\n", "o\n07\nAAAA\n", "o\n-1\nAAAA\n", "o\n7\nAAAA\n", "o\n7\n*\n", "o\n99999999999999999999\nA\n",
     "\n7\n" + "A" * 43 + "=\n", "o\n9223372036854775808\n" + "A" * 43 + "=\n"],
)  # fmt: skip
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(AuditError, match=r"no checkpoint|no signed note"):
        parse_checkpoint(KEY.sign(text))


def test_a_file_of_notes_with_one_cut_off() -> None:
    assert list(split_notes(f"{NOTE_OF_7}\n{NOTE_OF_7}\n")) == [NOTE_OF_7, NOTE_OF_7]
    assert list(split_notes(f"{NOTE_OF_7}\nexample.org/led\n\n{NOTE_OF_7}")) == [
        NOTE_OF_7,
        "example.org/led",
        NOTE_OF_7,
    ]
    assert list(split_notes("")) == []
    assert list(split_notes("one\n\n— two\n\n— three\n")) == ["one\n\n— two\n", "— three"]


def test_a_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ledger.key"
    key = load_or_create_key(path, "example.org/ledger")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["ledger.key"]
    assert load_or_create_key(path) == load_or_create_key(path, "example.org/ledger") == load_key(path) == key
    with pytest.raises(AuditError, match="another origin"):
        load_or_create_key(path, "example.org/other")


def test_a_key_without_a_name_gets_its_own() -> None:
    one, other = new_key(None), new_key(None)
    assert one.name.startswith("coatcheck/") and len(one.name) == 26
    assert one.name != other.name
    with pytest.raises(AuditError, match="origin"):
        new_key("two words")


def test_key_files_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("not a key")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "wrong", tmp_path / "bytes", tmp_path, tmp_path / "wrong" / "below"):
        with pytest.raises(AuditError) as caught:
            load_or_create_key(path)
        assert caught.value.code == "key"


def test_public_keys_by_text_and_by_file(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{PUBLIC}\n\n{KEY.public_key}\n")
    assert public_keys([PUBLIC, str(tmp_path / "keys")]) == [
        parse_public_key(PUBLIC),
        parse_public_key(PUBLIC),
        KEY.public_key,
    ]
    with pytest.raises(AuditError, match="neither"):
        public_keys([str(tmp_path / "absent")])
