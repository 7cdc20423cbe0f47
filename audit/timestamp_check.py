"""Do the time-stamps of a file fit the ledger's checkpoints? Adds what it finds to the report of verify. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from audit.checkpoint import parse_checkpoint
from audit.errors import AuditError
from audit.note import PublicKey
from audit.timestamp import judge, load_certificates, parse_line
from audit.verification import Flaw, Kind, Report, Stamped

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


def check_timestamps(
    report: Report, file: Path, ca_file: Path, notes: Iterable[str], keys: Sequence[PublicKey]
) -> None:
    """Hold each token of ``file`` against the checkpoint of its size among ``notes``, which one of ``keys`` signed.

    A token that does not fit is a flaw; one whose checkpoint is not there is a doubt. Raises AuditError if a file
    cannot be read.
    """
    roots = load_certificates(ca_file)
    known: dict[int, set[bytes]] = defaultdict(set)
    for note in notes:
        try:
            signed = parse_checkpoint(note)
        except AuditError:  # verify has told that
            continue
        if not keys or signed.signed_by(keys):
            known[signed.checkpoint.size].add(note.encode())
    absent = 0
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                where = f"{file}, line {number}"
                try:
                    size, token = parse_line(line)
                    if size not in known:
                        absent += 1
                        continue
                    found = _fitting(token, known[size], roots)
                except AuditError as error:
                    if error.code == "missing":
                        raise
                    report.add(Flaw(Kind.TIMESTAMP, f"{where}: {error.message}"))
                else:
                    report.timestamps.append(Stamped(size, *found))
    except OSError as error:
        raise AuditError("timestamp", f"{file} cannot be read: {(error.strerror or 'error').lower()}.") from None
    if absent:
        report.doubts.append(
            f"{file}: {absent} time-stamps are of checkpoints that are not there: give them with --checkpoint."
        )
    elif not report.timestamps and not report.flaw_count:
        report.doubts.append(f"{file}: there is no time-stamp in it.")


def _fitting(token: bytes, notes: Iterable[bytes], roots: Sequence[Certificate]) -> tuple[str, str]:
    """Time and authority; of several keys' checkpoints of one size the token is of one."""
    wrong = AuditError("timestamp", "The time-stamp is of no checkpoint.")
    for note in notes:
        try:
            stamp = judge(token, note, roots)
        except AuditError as error:
            wrong = error
        else:
            return stamp.time.isoformat().replace("+00:00", "Z"), stamp.authority
    raise wrong
