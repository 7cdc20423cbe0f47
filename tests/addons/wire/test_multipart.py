"""Forms: whatever boundary and content, they come back byte for byte; what can be read in two ways is refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.wire.multipart import Edit, Form, parse_multipart
from addons.wire.types import WireError

B = "b0undary"
TYPE = f"multipart/form-data; boundary={B}"
BOUNDARIES = st.from_regex(r"[0-9A-Za-z'()+_,\-./:=?]{1,70}", fullmatch=True)
NAMES = st.from_regex(r"[a-z][a-z_]{0,8}(\[[a-z]{0,5}\])?", fullmatch=True)
FILES = st.none() | st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20)
CONTENT = st.binary(max_size=60) | st.sampled_from([b"", b"\r\n", b"\r\n\r\n", b"--", b"\r\n--", b"--b0undary"])


def part(name: str, content: bytes, *heads: str, filename: str | None = None) -> bytes:
    quoted = None if filename is None else filename.replace("\\", "\\\\").replace('"', '\\"')
    named = f'Content-Disposition: form-data; name="{name}"' + ("" if quoted is None else f'; filename="{quoted}"')
    return "\r\n".join([named, *heads, "", ""]).encode() + content


def form(*parts: bytes, boundary: str = B) -> bytes:
    mark = b"--" + boundary.encode()
    return b"".join(mark + b"\r\n" + one + b"\r\n" for one in parts) + mark + b"--\r\n"


def parsed(*parts: bytes) -> Form:
    return parse_multipart(form(*parts), TYPE)


@given(BOUNDARIES, st.lists(st.tuples(NAMES, FILES, CONTENT), max_size=5), st.booleans())
def test_any_form_comes_back(boundary: str, given: list[tuple[str, str | None, bytes]], quoted: bool) -> None:
    mark = b"--" + boundary.encode()
    given = [(n, f, c) for n, f, c in given if mark not in b"\r\n" + c + b"\r\n" + mark[:-1]]
    body = form(*[part(n, c, filename=f) for n, f, c in given], boundary=boundary)
    stated = (
        f'multipart/form-data; boundary="{boundary}"'
        if quoted or not boundary.isalnum()
        else f"multipart/form-data; boundary={boundary}"
    )
    read = parse_multipart(body, stated)
    assert [(p.name, [f.text for f in p.filenames], p.content) for p in read.parts] == [
        (n, [] if f is None else [f], c) for n, f, c in given
    ]
    assert read.encode({}) == body
    same = {i: Edit(p.content, {j: f.text for j, f in enumerate(p.filenames)}) for i, p in enumerate(read.parts)}
    assert read.encode(same) == body


@given(st.lists(st.tuples(NAMES, FILES, CONTENT), min_size=1, max_size=3), st.data())
def test_a_form_that_is_cut_is_refused(given: list[tuple[str, str | None, bytes]], data: st.DataObject) -> None:
    given = [(n, f, c) for n, f, c in given if B.encode() not in c]
    body = form(*[part(n, c, filename=f) for n, f, c in given])
    cut = data.draw(st.integers(0, len(body) - 3))
    with pytest.raises(WireError) as caught:
        parse_multipart(body[:cut], TYPE)
    assert caught.value.code == "malformed_form"


@given(
    FILES.filter(lambda name: name is not None), st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20)
)
def test_a_file_name_is_written_so_that_it_is_read(old: str, new: str) -> None:
    read = parsed(part("file", b"x", filename=old))
    again = parse_multipart(read.encode({0: Edit(filenames={0: new})}), TYPE)
    assert again.parts[0].filenames[0].text == new
    assert again.parts[0].content == b"x"


@pytest.mark.parametrize(
    ("head", "text"),
    [
        ('filename="C:\\temp\\a.txt"', "C:\\temp\\a.txt"),
        ('filename="say \\"hi\\".txt"', 'say "hi".txt'),
        ("filename=plain.txt", "plain.txt"),
        ("filename*=UTF-8''%E5%BC%A0%E4%BC%9F.txt", "张伟.txt"),
        ('filename="张伟.txt"', "张伟.txt"),
        ("FileName=\"a.txt\" ; filename*=utf-8''b.txt", "a.txt"),
    ],
)
def test_file_names_in_all_manners(head: str, text: str) -> None:
    read = parsed(f'Content-Disposition: form-data; name="file"; {head}\r\n\r\n'.encode() + b"x")
    assert read.parts[0].filenames[0].text == text
    edits = {0: Edit(filenames=dict.fromkeys(range(len(read.parts[0].filenames)), "PERSON_X.txt"))}
    again = parse_multipart(read.encode(edits), TYPE).parts[0]
    assert {name.text for name in again.filenames} == {"PERSON_X.txt"}


def test_base64_and_lengths_are_written_anew() -> None:
    coded = base64.encodebytes(b"call Maria" * 9).replace(b"\n", b"\r\n").rstrip()
    read = parsed(
        part("a", coded, "Content-Transfer-Encoding: base64", f"Content-Length: {len(coded)}"),
        part("b", b"1", "content-transfer-encoding: binary", "Content-Type: text/plain; charset=UTF-8"),
    )
    assert read.parts[0].content == b"call Maria" * 9
    assert (read.parts[1].media, read.parts[1].charset) == ("text/plain", "utf-8")
    again = parse_multipart(read.encode({0: Edit(b"x" * 100)}), TYPE)
    assert again.parts[0].content == b"x" * 100
    assert again.parts[1].content == b"1"


DISPOSED = 'Content-Disposition: form-data; name="a"'
BAD = {
    "no boundary": (form(part("a", b"")), "multipart/form-data"),
    "two boundaries": (form(part("a", b"")), f"{TYPE}; boundary=other"),
    "other boundary": (form(part("a", b"")), "multipart/form-data; boundary=other"),
    "preamble": (b"hello\r\n" + form(part("a", b"")), TYPE),
    "epilogue": (form(part("a", b"")) + b"hello", TYPE),
    "bare line feed": (form(part("a", b"x\n--b0undary\n")), TYPE),
    "bare return": (form(part("a", b"x\r--b0undary--")), TYPE),
    "longer boundary": (form(part("a", b"x\r\n--b0undary2\r\n")), TYPE),
    "padded": (form(part("a", b"")).replace(b"--b0undary\r\n", b"--b0undary \r\n"), TYPE),
    "no headers": (form(b"\r\nx"), TYPE),
    "no disposition": (form(b"Content-Type: text/plain\r\n\r\nx"), TYPE),
    "attachment": (form(b'Content-Disposition: attachment; name="a"\r\n\r\nx'), TYPE),
    "no name": (form(b"Content-Disposition: form-data\r\n\r\nx"), TYPE),
    "name that is text": (form(part("Maria Gonzalez", b"x")), TYPE),
    "name twice": (form(f'{DISPOSED}; name="b"\r\n\r\nx'.encode()), TYPE),
    "header twice": (form(f"{DISPOSED}\r\n{DISPOSED}\r\n\r\nx".encode()), TYPE),
    "unknown header": (form(part("a", b"x", "X-Note: Maria")), TYPE),
    "folded": (form(f"{DISPOSED};\r\n filename=x\r\n\r\nx".encode()), TYPE),
    "control": (form(f'{DISPOSED}; filename="a\x00b"\r\n\r\nx'.encode()), TYPE),
    "latin-1": (form(f'{DISPOSED}; filename="\xe9"\r\n\r\nx'.encode("latin-1")), TYPE),
    "nested": (form(part("a", b"x", "Content-Type: multipart/mixed; boundary=c")), TYPE),
    "length": (form(part("a", b"x", "Content-Length: 2")), TYPE),
    "long head": (form(part("a", b"x", "Content-Type: text/" + "x" * 9000)), TYPE),
    "extended latin": (form(f"{DISPOSED}; filename*=ISO-8859-1''%E9\r\n\r\nx".encode()), TYPE),
    "extended broken": (form(f"{DISPOSED}; filename*=UTF-8''%E9\r\n\r\nx".encode()), TYPE),
}


@pytest.mark.parametrize("what", BAD)
def test_what_could_be_read_in_two_ways_is_refused(what: str) -> None:
    with pytest.raises(WireError) as caught:
        parse_multipart(*BAD[what])
    assert (caught.value.code, caught.value.status) == ("malformed_form", 400)
    assert "Maria" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "stated", "code"),
    [
        (form(part("a", b"x", "Content-Transfer-Encoding: quoted-printable")), TYPE, "unsupported_encoding"),
        (form(part("a", b"?", "Content-Transfer-Encoding: base64")), TYPE, "malformed_encoding"),
        (form(part("a", b"x")), f"{TYPE}; charset=utf-16", "unsupported_charset"),
        (form(*[part("a", b"")] * 257), TYPE, "too_many_parts"),
    ],
)
def test_what_is_not_supported_says_so(body: bytes, stated: str, code: str) -> None:
    with pytest.raises(WireError) as caught:
        parse_multipart(body, stated)
    assert caught.value.code == code


def test_nothing_put_in_may_end_a_part() -> None:
    with pytest.raises(WireError) as caught:
        parsed(part("a", b"x")).encode({0: Edit(b"y\r\n--b0undary--")})
    assert caught.value.code == "malformed_form"
