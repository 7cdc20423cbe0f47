"""What is read from files and folders, what is left out, and what strange bytes become."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.files import LARGEST, Binary, Source, Unread, count_lines, known_encoding, read, walk


def test_a_folder_stands_for_what_is_below_it(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.txt", ".env", ".git/config", "a/.hidden/key.pem"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "link.txt").symlink_to(tmp_path / "b.txt")
    found = [str(Path(path).relative_to(tmp_path)) for path in walk([str(tmp_path)])]
    assert found == [".env", "b.txt", "a/z.txt", "a/.hidden/key.pem"]
    assert list(walk(["-", "no-such-file"])) == ["-", "no-such-file"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"x", "x"),
        ("张三\r\n".encode(), "张三\r\n"),
        ("\ufeff张三".encode(), "张三"),
        ("张三".encode("utf-16"), "张三"),
        (b"\xfe\xff" + "张三".encode("utf-16-be"), "张三"),
        (b"a\xffb", "a\udcffb"),
    ],
)
def test_text_is_utf_8_or_carries_a_mark(tmp_path: Path, data: bytes, text: str) -> None:
    file = tmp_path / "f"
    file.write_bytes(data)
    assert read(str(file)).text == text


def test_bytes_that_are_no_utf_8_are_counted_and_an_encoding_is_suggested(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes("联系人王小明".encode("gb18030"))
    source = read(str(file))
    assert source.strange_bytes > 0
    assert source.hint == "gb18030"
    assert read(str(file), encoding="gb18030") == Source(str(file), "联系人王小明")
    assert source.text.encode("utf-8", "surrogateescape") == file.read_bytes()


def test_broken_utf_16_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes("ab".encode("utf-16") + b"\x00")
    assert read(str(file)).text.startswith("ab")


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"\x7fELF\0\0\0")
    with pytest.raises(Binary):
        read(str(file))
    assert read(str(file), binary=True).text == "\x7fELF\0\0\0"
    for path in (str(tmp_path / "none"), str(tmp_path), "a\0b"):
        with pytest.raises(Unread):
            read(path)


def test_a_file_beyond_the_limit_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "f"
    with file.open("wb") as stream:
        stream.truncate(LARGEST + 1)
    with pytest.raises(Unread, match="256 MiB"):
        read(str(file))


def test_encodings_and_lines(tmp_path: Path) -> None:
    assert known_encoding("gb18030") and known_encoding("latin-1")
    assert not known_encoding("no-such") and not known_encoding("base64")
    file = tmp_path / "f"
    file.write_bytes(b"a\nb\n")
    assert (count_lines(str(file)), count_lines("-"), count_lines(str(tmp_path))) == (2, None, None)
