"""Entries as syslog messages (RFC 5424) over UDP (RFC 5426), TCP with octet counting (RFC 6587) or TLS (RFC 5425).

Syslog has no answer. Over TCP and TLS a batch counts as accepted when the receiver's machine has acknowledged its last
byte; what a receiver loses after that, it loses. Over UDP nobody can know: a batch is accepted when it was sent.
"""

from __future__ import annotations

import fcntl
import socket
import ssl
import struct
import termios
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from audit.exports.entries import Entry
from audit.exports.manifest import product_version
from audit.exports.severity import severity_of
from audit.tail.batch import Batch, Refused
from audit.times import iso
from audit.visible import visible

_FACILITY = 13
"""Log audit."""
_SEVERITIES = {1: 6, 2: 5, 3: 4, 4: 3}
"""Informational, notice, warning, error."""
_STRUCTURE = "coatcheck@32473"
"""32473 is the enterprise number that RFC 5612 keeps for examples: Coatcheck has none of its own."""
_MAX_DATAGRAM = 65_000
_MAX_SEQUENCE = 2**31 - 1


class Transport(StrEnum):
    """How messages travel."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Destination:
    """A syslog receiver."""

    host: str
    port: int
    transport: Transport
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    cert_file: str | None = None
    key_file: str | None = None


def message(entry: Entry, line: str, hostname: str) -> bytes:
    """One RFC 5424 message. Its MSG is UTF-8 without a byte order mark, so ANY in the RFC's grammar."""
    priority = _FACILITY * 8 + _SEVERITIES[severity_of(entry)]
    moment = iso(entry.time, "microseconds")
    record = entry.decision or entry.policy or {}
    told = {
        "leaf": str(entry.leaf),
        "id": entry.id,
        "tenant": record.get("tenant"),
        "action": record.get("action"),
        "rule": record.get("rule"),
        "state": None if entry.state is None else str(entry.state),
    }
    parameters = " ".join(f'{name}="{_value(value)}"' for name, value in told.items() if value)
    structure = (
        f'[origin software="coatcheck" swVersion="{_value(product_version())}"]'
        f'[meta sequenceId="{entry.leaf % _MAX_SEQUENCE + 1}"][{_STRUCTURE} {parameters}]'
    )
    head = f"<{priority}>1 {moment} {_name(hostname)} coatcheck - {entry.kind} {structure}"
    return f"{head} {line}".encode()


class Syslog:
    """A receiver behind one socket, opened when there is something to send and again when it broke."""

    def __init__(
        self,
        destination: Destination,
        *,
        hostname: str | None = None,
        time_limit_s: float = 10.0,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._to = destination
        self._hostname = hostname or socket.gethostname()
        self._time_limit_s = time_limit_s
        self._pause = threading.Event().wait if pause is None else pause
        self._socket: socket.socket | None = None
        self._place = f"syslog at {destination.host}:{destination.port} ({destination.transport})"

    def deliver(self, batch: Batch) -> None:
        """Send a batch, a message for each entry. Raises Refused."""
        messages = [
            message(entry, line, self._hostname) for entry, line in zip(batch.entries, batch.lines, strict=True)
        ]
        try:
            if self._to.transport is Transport.UDP:
                self._datagrams(messages)
            else:
                self._octets(b"".join(b"%d %b" % (len(one), one) for one in messages))
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise Refused(f"The certificate of the {self._place} is not trusted: {error.verify_message}.") from None
        except OSError as error:
            self.close()
            reason = (error.strerror or type(error).__name__).lower()
            raise Refused(f"The {self._place} cannot be reached: {reason}.") from None

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _datagrams(self, messages: list[bytes]) -> None:
        if any(len(one) > _MAX_DATAGRAM for one in messages):
            raise Refused(f"An entry is longer than one datagram to the {self._place}: use tcp or tls.", again=False)
        opened = self._open()
        for one in messages:
            opened.send(one)

    def _octets(self, data: bytes) -> None:
        if self._socket is not None and _was_closed(self._socket):
            self.close()
        opened = self._open()
        opened.sendall(data)
        # What lies in this machine's buffers was accepted by nobody.
        waited = 0.0
        while _unacknowledged(opened):
            if waited >= self._time_limit_s:
                raise TimeoutError
            self._pause(0.002)
            waited += 0.002
        if _was_closed(opened):
            raise ConnectionResetError

    def _open(self) -> socket.socket:
        if self._socket is not None:
            return self._socket
        where = (self._to.host, self._to.port)
        if self._to.transport is Transport.UDP:
            family, kind, _, _, address = socket.getaddrinfo(*where, type=socket.SOCK_DGRAM)[0]
            opened = socket.socket(family, kind)
            opened.settimeout(self._time_limit_s)
            opened.connect(address)
        else:
            opened = socket.create_connection(where, timeout=self._time_limit_s)
            if self._to.transport is Transport.TLS:
                opened = self._secured(opened)
        self._socket = opened
        return opened

    def _secured(self, opened: socket.socket) -> ssl.SSLSocket:
        try:
            context = ssl.create_default_context(cafile=self._to.ca_file)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self._to.cert_file is not None:
                context.load_cert_chain(self._to.cert_file, self._to.key_file)
            return context.wrap_socket(opened, server_hostname=self._to.host)
        except BaseException:
            opened.close()
            raise


def _was_closed(opened: socket.socket) -> bool:
    """Whether the other side has ended the connection; what it said is of no interest."""
    limit = opened.gettimeout()
    opened.settimeout(0)
    try:
        while data := opened.recv(4096):
            del data
        return True
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    finally:
        opened.settimeout(limit)


def _unacknowledged(opened: socket.socket) -> int:
    """Bytes that the other machine has not acknowledged yet (Linux: SIOCOUTQ)."""
    answer = fcntl.ioctl(opened.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    return int(struct.unpack("i", answer)[0])


def _value(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _name(text: str) -> str:
    """A header field: printable ASCII without spaces."""
    told = "".join(character for character in text if "!" <= character <= "~")[:255]
    return told or "-"
