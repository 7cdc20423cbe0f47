"""Checkpoints are time-stamped by an authority on loopback, which `openssl ts` plays; what does not fit is not kept."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
from typer.testing import CliRunner, Result

from audit.anchor import Anchor
from audit.checkpoint import Checkpoint, split_notes
from audit.checkpointer import CheckpointPlan
from audit.cli import app
from audit.errors import AuditError
from audit.note import SigningKey
from audit.recorder import Recorder
from audit.records import Decision
from audit.timestamp import Stamper, judge, keep, load_certificates, parse_line, request

KEY = SigningKey("example.org/ledger", bytes(range(32)))
PEM = serialization.Encoding.PEM
NOTE = Checkpoint(KEY.name, 3, bytes(32)).signed(KEY)


class Authority:
    """Certificates of an authority, and its answers."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory, self.name, self.ca = directory / name, name, directory / name / "ca.pem"
        self.directory.mkdir()
        root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.ca.write_bytes(self._certificate("root", root, root, authority=True).public_bytes(PEM))
        certificate = self._certificate("stamps", own, root, authority=False)
        (self.directory / "own.pem").write_bytes(certificate.public_bytes(PEM))
        (self.directory / "own.key").write_bytes(
            own.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        (self.directory / "serial").write_text("01\n")
        (self.directory / "ts.cnf").write_text(
            f"[tsa]\ndefault_tsa=one\n[one]\nserial={self.directory / 'serial'}\ndefault_policy=1.2.3.4\n"
            "digests=sha256\nsigner_digest=sha256\ness_cert_id_alg=sha256\n"
        )

    def _certificate(
        self, of: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *, authority: bool
    ) -> x509.Certificate:
        def named(what: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{self.name} {what}")])

        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder(named("root"), named(of), key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            builder = builder.add_extension(purpose, critical=True)
        return builder.sign(signer, hashes.SHA256())

    def reply(self, query: bytes) -> bytes:
        (self.directory / "query").write_bytes(query)
        subprocess.run(
            ["openssl", "ts", "-reply", "-config", "ts.cnf", "-queryfile", "query", "-signer", "own.pem",
             "-inkey", "own.key", "-out", "reply"],
            cwd=self.directory, check=True, capture_output=True,
        )  # fmt: skip
        return (self.directory / "reply").read_bytes()


def query_of(data: bytes) -> bytes:
    return TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build().as_bytes()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa"), "Example")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa"), "Stranger")


class Place:
    """The authority's address; ``answer`` may be exchanged."""

    def __init__(self, authority: Authority) -> None:
        self.url = ""
        self.status = 200
        self.answer: Callable[[bytes], bytes] = authority.reply
        self.queries: list[bytes] = []


@pytest.fixture
def place(authority: Authority) -> Iterator[Place]:
    place = Place(authority)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers["content-type"] == "application/timestamp-query"
            place.queries.append(query)
            body = place.answer(query)
            self.send_response(place.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        place.url = f"http://127.0.0.1:{listening.server_port}/tsa"
        yield place
        listening.shutdown()
        thread.join()


def test_a_token_fits_its_checkpoint(place: Place, authority: Authority) -> None:
    stamp = request(place.url, NOTE, load_certificates(authority.ca), 10)
    assert stamp.authority == "CN=Example stamps"
    assert stamp.time.tzinfo is dt.UTC
    assert NOTE.encode() not in place.queries[0] and KEY.name.encode() not in place.queries[0]
    assert judge(stamp.token, NOTE.encode(), load_certificates(authority.ca)) == stamp
    assert request(place.url, NOTE, None, 10).authority == ""


def wrong_nonce(place: Place, authority: Authority) -> None:
    place.answer = lambda _: authority.reply(query_of(NOTE.encode()))


def wrong_imprint(place: Place, authority: Authority) -> None:
    """Same nonce, another hash: the one byte string is exchanged in the query that is answered."""
    here = bytes.fromhex("0420")

    def answer(query: bytes) -> bytes:
        at = query.index(here) + 2
        return authority.reply(query[:at] + bytes(32) + query[at + 32 :])

    place.answer = answer


def refused(place: Place, _: Authority) -> None:
    place.answer = lambda _: bytes.fromhex("30053003020102")


def granted_and_empty(place: Place, _: Authority) -> None:
    place.answer = lambda _: bytes.fromhex("30053003020100")


def garbage(place: Place, _: Authority) -> None:
    place.answer = lambda _: b"<html>"


def cut_off(place: Place, authority: Authority) -> None:
    place.answer = lambda query: authority.reply(query)[:-9]


def endless(place: Place, _: Authority) -> None:
    place.answer = lambda _: bytes(100_000)


def http_error(place: Place, _: Authority) -> None:
    place.status = 500


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (wrong_nonce, "nonce is not ours"),
        (wrong_imprint, "of other data"),
        (refused, "refused: status 2"),
        (granted_and_empty, "no time-stamp as RFC 3161"),
        (garbage, "no time-stamp as RFC 3161"),
        (cut_off, "no time-stamp as RFC 3161"),
        (endless, "no time-stamp as RFC 3161"),
        (http_error, "HTTP 500"),
    ],
)
def test_what_does_not_fit_is_not_kept(
    place: Place,
    authority: Authority,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    how: Callable[[Place, Authority], None],
    told: str,
) -> None:
    how(place, authority)
    anchor = Anchor(None, None, Stamper(place.url, None, tmp_path / "stamps"))
    anchor.publish(NOTE)
    anchor.close(10)
    assert anchor.failing == {"time-stamping authority"}
    assert "could not be written to its time-stamping authority" in caplog.text and told in caplog.text
    assert not (tmp_path / "stamps").exists()


def test_a_strangers_signature_is_refused_if_certificates_are_named(
    place: Place, authority: Authority, stranger: Authority
) -> None:
    place.answer = stranger.reply
    with pytest.raises(AuditError, match="given certificates vouch for"):
        request(place.url, NOTE, load_certificates(authority.ca), 10)


def test_a_changed_token_is_refused(authority: Authority, place: Place) -> None:
    roots = load_certificates(authority.ca)
    token = request(place.url, NOTE, roots, 10).token
    for at in (len(token) - 3, token.index(b"20", 60)):  # the signature; the time
        changed = token[:at] + bytes((token[at] ^ 1,)) + token[at + 1 :]
        with pytest.raises(AuditError):
            judge(changed, NOTE.encode(), roots)


def test_an_authority_that_is_away_is_said_once_and_tried_again(
    place: Place, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "stamps"
    anchor = Anchor(None, None, Stamper("http://127.0.0.1:9/", None, file))
    for _ in range(2):
        anchor.publish(NOTE)
        anchor.close(10)
    assert caplog.text.count("could not be written to its time-stamping authority: ConnectError") == 1
    place.status = 503
    anchor = Anchor(None, None, Stamper(place.url, authority.ca, file))
    anchor.publish(NOTE)
    anchor.close(10)
    place.status = 200
    anchor.publish(NOTE)
    anchor.close(10)
    assert anchor.failing == frozenset()
    assert [parse_line(line)[0] for line in file.read_text().splitlines()] == [3]


def test_without_the_library_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    anchor = Anchor(None, None, Stamper("http://127.0.0.1:9/", None, tmp_path / "stamps"))
    anchor.publish(NOTE)
    anchor.close(10)
    assert "pip install 'coatcheck[audit]'" in caplog.text


def test_certificates_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="cannot be read"):
        load_certificates(tmp_path / "absent")
    (tmp_path / "other").write_text("nothing of the kind")
    with pytest.raises(AuditError, match="no certificates in PEM"):
        load_certificates(tmp_path / "other")


def test_after_a_crash_in_mid_write_the_next_token_has_its_own_line(place: Place, tmp_path: Path) -> None:
    stamp, file = request(place.url, NOTE, None, 10), tmp_path / "stamps"
    keep(file, 3, stamp)
    file.write_bytes(file.read_bytes()[:-20])
    keep(file, 4, stamp)
    first, second = file.read_text().splitlines()
    assert parse_line(second) == (4, stamp.token)
    with pytest.raises(AuditError):
        parse_line(first)


@pytest.mark.parametrize(
    "line", ["", "[]", "1", '{"size": true, "token": ""}', '{"size": 3, "token": "*"}', "[" * 9999]
)
def test_a_line_that_is_none(line: str) -> None:
    with pytest.raises(AuditError, match="no time-stamp"):
        parse_line(line)


def test_tokens_lie_beside_the_checkpoints() -> None:
    plan = CheckpointPlan(Path("a/ledger.key"), file=Path("b/ledger.checkpoints"))
    assert plan.stamper is None
    plan = dataclasses.replace(plan, timestamp_url="http://127.0.0.1:9")
    assert plan.stamper is not None and plan.stamper.file == Path("b/ledger.timestamps")
    plan = dataclasses.replace(plan, file=Path("b/own.timestamps"))
    assert plan.stamper is not None and plan.stamper.file == Path("b/own.timestamps.timestamps")


@pytest.fixture
async def recorded(url: str, tmp_path: Path, place: Place, authority: Authority, decision: Callable[..., Decision],
                   monkeypatch: pytest.MonkeyPatch) -> Path:  # fmt: skip
    """A state directory with three decisions and a stamped checkpoint; returns the file of tokens."""
    monkeypatch.setenv("COATCHECK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("COATCHECK_DATABASE", url)
    state = tmp_path / "state"
    plan = CheckpointPlan(
        state / "ledger.key", file=state / "ledger.checkpoints", timestamp_url=place.url, timestamp_ca_file=authority.ca
    )
    recorder = Recorder(url, checkpoints=plan)
    await recorder.start()
    for _ in range(3):
        await recorder.record_decision(decision())
    await recorder.stop()
    return state / "ledger.timestamps"


def verify(file: Path, authority: Authority, *more: str) -> Result:
    return CliRunner().invoke(
        app, ["verify", "--timestamps", str(file), "--timestamp-ca", str(authority.ca), *more], env={"COLUMNS": "200"}
    )


def test_verify_says_when_and_by_whom(recorded: Path, authority: Authority, stranger: Authority) -> None:
    result = verify(recorded, authority)
    assert result.exit_code == 0, result.output
    time = json.loads(recorded.read_text())["time"]
    assert f"checkpoint of size 3 was time-stamped at {time} by CN=Example stamps" in result.output
    told = json.loads(verify(recorded, authority, "--json").stdout)
    assert told["timestamps"] == [{"size": 3, "time": time, "authority": "CN=Example stamps"}]
    result = verify(recorded, stranger)
    assert result.exit_code == 1
    assert "forged time-stamp: " in result.output and "line 1" in result.output


def test_verify_names_the_bad_one(recorded: Path, authority: Authority, place: Place) -> None:
    keep(recorded, 3, request(place.url, NOTE, None, 10))  # of another note than the ledger's
    with recorded.open("a") as file:
        file.write(json.dumps({"size": 3, "time": "", "token": base64.b64encode(b"junk").decode()}) + "\n")
    result = verify(recorded, authority)
    assert result.exit_code == 1
    assert "line 2: The time-stamp is of other data" in result.output
    assert "line 3: This is no time-stamp" in result.output
    assert "time-stamped at" in result.output  # the good one


def test_verify_cannot_tell_what_was_stamped(recorded: Path, authority: Authority, place: Place) -> None:
    keep(recorded, 99, request(place.url, NOTE, None, 10))
    result = verify(recorded, authority)
    assert result.exit_code == 2
    assert "1 time-stamps are of checkpoints that are not there" in result.output
    recorded.write_text("")
    assert "there is no time-stamp in it" in verify(recorded, authority).output
    assert verify(recorded.with_name("absent"), authority).exit_code == 2
    lone = CliRunner().invoke(app, ["verify", "--timestamps", str(recorded)])
    assert lone.exit_code == 2 and "go together" in lone.output


def test_verify_of_an_export_takes_the_checkpoints_that_are_given(recorded: Path, authority: Authority) -> None:
    export, kept = recorded.with_name("all.jsonl"), recorded.with_name("ledger.checkpoints")
    assert CliRunner().invoke(app, ["export", "-o", str(export)]).exit_code == 0
    assert len(list(split_notes(kept.read_text()))) == 1
    assert verify(recorded, authority, "--export", str(export), "--checkpoint", str(kept)).exit_code == 0
    assert verify(recorded, authority, "--export", str(export)).exit_code == 2
