"""Real sockets on loopback: syslog over UDP, TCP and TLS, and a webhook; receivers that hang up, fail and refuse."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import hmac
import ipaddress
import json
import re
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from audit.database import open_read_only
from audit.exports.entries import following
from audit.snapshot import snapshot
from audit.tail.batch import Batch, Refused, StreamFormat, written
from audit.tail.syslog import Destination, Syslog, Transport, message
from audit.tail.webhook import Webhook
from tests.audit.exports.conftest import Ledger
from tests.audit.tail.conftest import LIMIT_S, Hook, listening

_HEADER = re.compile(
    r'<(\d+)>1 (\S+) (\S+) coatcheck - (\w+) \[origin software="coatcheck" swVersion="[^"]+"\]'
    r'\[meta sequenceId="(\d+)"\]\[coatcheck@32473 ((?:\w+="(?:[^"\\\]]|\\.)*" ?)+)\] (.*)',
    re.DOTALL,
)


@pytest.fixture
def batch(ledger: Ledger) -> Batch:
    return make(ledger, StreamFormat.JSON)


def make(ledger: Ledger, form: StreamFormat) -> Batch:
    with snapshot(open_read_only(ledger.url)) as connection:
        return written(following(connection, -1), form)


def framed(data: bytes) -> list[str]:
    """As a receiver takes octet counting apart (RFC 6587, 3.4.1)."""
    messages = []
    while data:
        length, _, rest = data.partition(b" ")
        assert re.fullmatch(rb"[1-9][0-9]*", length)
        messages.append(rest[: int(length)].decode())
        data = rest[int(length) :]
    return messages


def test_a_message_is_rfc_5424(batch: Batch) -> None:
    told = []
    for entry, line in zip(batch.entries, batch.lines, strict=True):
        match = _HEADER.fullmatch(message(entry, line, "gate way\n1").decode())
        assert match
        told.append(match)
        assert match[2].endswith("Z") and match[3] == "gateway1" and json.loads(match[7])["leaf"] == entry.leaf
    assert [match[4] for match in told[:3]] == ["policy", "decision", "outcome"]
    assert [match[5] for match in told] == [str(leaf + 1) for leaf in range(10)]
    closed = next(match for match in told if "fail_closed" in match[6])
    assert int(closed[1]) == 13 * 8 + 3
    hostile = next(match for match in told if "script" in match[6])
    assert "\\]" not in hostile[6] and "\\\\x1b[31m" in hostile[6] and "\n" not in hostile[6]


def test_udp(batch: Batch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(LIMIT_S)
        sender = Syslog(Destination("127.0.0.1", server.getsockname()[1], Transport.UDP))
        sender.deliver(batch)
        sender.close()
        leaves = [json.loads(_HEADER.fullmatch(server.recv(65536).decode())[7])["leaf"] for _ in batch.entries]  # type: ignore[index]
    assert leaves == list(range(10))


def test_what_no_datagram_can_hold_is_said_and_not_cut(batch: Batch) -> None:
    long = Batch(batch.entries[:1], ["x" * 70_000], StreamFormat.JSON)
    sender = Syslog(Destination("127.0.0.1", 9, Transport.UDP))
    with pytest.raises(Refused, match="longer than one datagram") as caught:
        sender.deliver(long)
    assert not caught.value.again
    sender.close()


def test_tcp_counts_octets(ledger: Ledger) -> None:
    batch = make(ledger, StreamFormat.CEF)
    with listening() as listener:
        sender = Syslog(Destination("127.0.0.1", listener.port, Transport.TCP))
        sender.deliver(batch)
        sender.deliver(batch)
        sender.close()
        messages = framed(listener.connections.get(timeout=LIMIT_S))
    assert len(messages) == 20
    assert messages[:10] == [message(e, line, socket.gethostname()).decode() for e, line in
                             zip(batch.entries, batch.lines, strict=True)]  # fmt: skip
    assert " CEF:0|Coatcheck|" in messages[0]


def test_a_connection_that_was_hung_up_is_opened_anew_before_anything_is_sent(batch: Batch) -> None:
    with listening() as listener:
        listener.hang_up = 1
        sender = Syslog(Destination("127.0.0.1", listener.port, Transport.TCP), time_limit_s=LIMIT_S)
        with contextlib.suppress(Refused):  # unless it had been acknowledged before the reset came
            sender.deliver(batch)
        listener.hung.get(timeout=LIMIT_S)
        sender.deliver(batch)
        sender.deliver(batch)
        sender.close()
        assert len(framed(listener.connections.get(timeout=LIMIT_S))) == 20


def test_a_receiver_that_takes_nothing_in_has_accepted_nothing(batch: Batch) -> None:
    pauses: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sender = Syslog(
            Destination("127.0.0.1", server.getsockname()[1], Transport.TCP), time_limit_s=0.1, pause=pauses.append
        )
        with pytest.raises(Refused, match="cannot be reached: time"):
            sender.deliver(Batch(batch.entries[:1], ["x" * 1_000_000], StreamFormat.JSON))
    assert pauses == [0.002] * len(pauses)


def test_nobody_listens(batch: Batch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    sender = Syslog(Destination("127.0.0.1", port, Transport.TCP))
    with pytest.raises(Refused, match=r"cannot be reached: connection refused\."):
        sender.deliver(batch)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "siem.example.com")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "siem.pem"
    no_password = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


def test_tls_delivers_to_whom_it_trusts(batch: Batch, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with listening(lambda plain: context.wrap_socket(plain, server_side=True)) as listener:
        sender = Syslog(Destination("127.0.0.1", listener.port, Transport.TLS, ca_file=str(certificate)))
        sender.deliver(batch)
        sender.deliver(batch)
        sender.close()
        assert len(framed(listener.connections.get(timeout=LIMIT_S))) == 20
        stranger = Syslog(Destination("127.0.0.1", listener.port, Transport.TLS))
        with pytest.raises(Refused, match="is not trusted"):
            stranger.deliver(batch)
        stranger.close()
        assert listener.connections.get(timeout=LIMIT_S) == b""


def test_a_webhook_gets_signed_lines_and_the_same_key_again_until_it_accepts(batch: Batch, hook: Hook) -> None:
    hook.answers = [500, 0, 200]
    receiver = Webhook(hook.url, secret=b"shared", token="t0ken", clock=lambda: 1795000000.9)
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            receiver.deliver(batch)
        assert caught.value.again and "127.0.0.1" in caught.value.message and "hook" not in caught.value.message[12:]
    receiver.deliver(batch)
    receiver.close()
    assert {headers["idempotency-key"] for headers, _ in hook.asked} == {"coatcheck-0-9"}
    headers, body = hook.asked[-1]
    assert [json.loads(line)["leaf"] for line in body.splitlines()] == list(range(10))
    assert headers["content-type"] == "application/x-ndjson"
    assert headers["authorization"] == "Bearer t0ken" and headers["coatcheck-leaves"] == "0-9"
    told = hmac.new(b"shared", b"1795000000." + body, hashlib.sha256).hexdigest()
    assert headers["coatcheck-signature"] == f"v1={told}" and headers["coatcheck-timestamp"] == "1795000000"
    assert len(hook.accepted) == 1


@pytest.mark.parametrize(
    ("status", "again", "smaller"),
    [(301, False, False), (400, False, False), (401, False, False), (413, False, True), (429, True, False),
     (503, True, False)],
)  # fmt: skip
def test_what_a_webhook_s_answers_mean(batch: Batch, hook: Hook, status: int, again: bool, smaller: bool) -> None:
    hook.answers = [status]
    hook.headers = {"retry-after": "7", "location": hook.url}
    receiver = Webhook(hook.url)
    with pytest.raises(Refused) as caught:
        receiver.deliver(batch)
    receiver.close()
    assert (caught.value.again, caught.value.smaller) == (again, smaller)
    assert caught.value.after_s == (7 if again else 0)
    assert len(hook.asked) == 1  # no redirect is followed
    assert "coatcheck-signature" not in hook.asked[0][0]


def test_hostile_text_is_inert_in_every_format(ledger: Ledger) -> None:
    for form in StreamFormat:
        for line in make(ledger, form).lines:
            assert not re.search("[\x00-\x1f\x7f\u202e]", line)
            with contextlib.suppress(ValueError):
                json.loads(line)
