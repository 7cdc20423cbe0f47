"""The sections that every report has, from its facts: volume, recipients, kinds, distinct identifiers, failures, proof.

`Writing` is what sections are written with: words of one language, facts, the organization's own texts, the verdict.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.checkpoint import parse_checkpoint
from audit.errors import AuditError
from audit.reports.document import Block, Facts, Figures, Note, Section, Table, Tone
from audit.reports.facts import Destination
from audit.reports.facts import Facts as Numbers
from audit.reports.kinds import is_personal, is_sensitive
from audit.reports.subjects import RELATIVE_ERROR, Estimate
from audit.verification import Report
from audit.visible import visible

LANGUAGES = {"en": "en", "zh": "zh-Hans"}
_MOST_ROWS = 40


@functools.cache
def _all_words() -> Mapping[str, Mapping[str, str]]:
    words: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8"))
    return words


@dataclass(frozen=True, slots=True)
class Writing:
    """What a report is written with."""

    language: str
    """``en`` or ``zh``."""
    numbers: Numbers
    organization: Mapping[str, Sequence[str]]
    verdict: Report | None = None
    """Of verifying the ledger, if it was asked for."""

    def __call__(self, key: str, **values: object) -> str:
        """The words of a key."""
        text = _all_words()[key][self.language]
        return text.format(**values) if values else text

    def own(self, *fields: str) -> Facts:
        """What the organization says, or that it has to."""
        items = []
        for name in fields:
            texts = [visible(text) for text in self.organization.get(name, ())]
            said = "; ".join(texts)
            items.append((self(f"org.{name}"), said or self("fill"), Tone.PLAIN if said else Tone.FILL))
        return Facts(items)

    def place(self, country: str | None) -> str:
        """A country as it is shown."""
        return self("unknown") if country is None else visible(country)


def number(value: int) -> str:
    """``12,345``."""
    return f"{value:,}"


def moment(time: dt.datetime | None) -> str:
    """A time in UTC, to the minute."""
    return "–" if time is None else time.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def short(digest: str) -> str:
    """The beginning of a hash."""
    return visible(digest[:12]) or "–"


def volume(w: Writing, source: str) -> Section:
    """The month in numbers."""
    totals = w.numbers.totals
    figures = [
        (number(totals.decisions), w("volume.requests"), Tone.PLAIN),
        (number(totals.by_action["mask"]), w("volume.masked"), Tone.GOOD),
        (number(totals.by_action["block"]), w("volume.blocked"), Tone.GOOD),
        (number(totals.by_action["reroute"]), w("volume.rerouted"), Tone.GOOD),
        (number(totals.by_action["allow"]), w("volume.allowed"), Tone.PLAIN),
        (number(totals.findings), w("volume.findings"), Tone.PLAIN),
        (number(w.numbers.callers), w("volume.callers"), Tone.PLAIN),
    ]
    return Section(w("volume.title"), source, [Figures(figures)])


def recipients(
    w: Writing,
    title: str,
    source: str,
    *extra: Block,
    home: Iterable[str] | None = None,
    abroad: str = "transfer",
) -> Section:
    """Who got requests, and where; with ``home``, whether that is a third country."""
    header = [w("col.recipient"), w("col.country"), w("col.requests"), w("col.masked"), w("col.size")]
    rows = []
    inside = None if home is None else set(home)
    for to, traffic in w.numbers.traffic.items():
        local = traffic.local and to.country is None
        place = w("form.local") if local else w.place(to.country)
        row = [visible(to.recipient), place, number(traffic.requests), number(traffic.masked), number(traffic.bytes)]
        if inside is not None:
            here = local or to.country in inside
            row.append(w("no") if here else w("unknown") if to.country is None else w("yes"))
        rows.append(row)
    if inside is not None:
        header.append(w(f"col.{abroad}"))
    table = Table("recipients", header, rows, frozenset({2, 3, 4}), w("none"))
    return Section(title, source, [table, Note(w("recipients.note")), *extra])


def kinds(w: Writing, title: str, source: str, *extra: Block, only: Iterable[str] | None = None) -> Section:
    """What was found, and what became of it."""
    chosen = w.numbers.kinds if only is None else {name: w.numbers.kinds[name] for name in only}
    return Section(title, source, [kinds_table(w, chosen), Note(w("kinds.note")), *extra])


def kinds_table(w: Writing, chosen: Mapping[str, Mapping[str, int]]) -> Table:
    """Kinds by what became of their values."""
    header = [w("col.kind"), w("col.found"), w("col.clear"), w("col.placeholder"), w("col.local"), w("col.kept")]
    rows = [
        [visible(name), number(sum(fates.values())), *(number(fates.get(fate, 0)) for fate in _FATES)]
        for name, fates in chosen.items()
    ]
    return Table("kinds", header, rows, frozenset(range(1, 6)), w("none"))


_FATES = ("clear", "masked", "local", "kept")


def estimate_of(w: Writing, *, to: Iterable[Destination] | None = None, fate: str | None = None,
                kind: str | None = None, sensitive: bool | None = None) -> Estimate:  # fmt: skip
    """Distinct identifiers of the year so far that fit."""
    wanted = None if to is None else set(to)
    return w.numbers.distinct.of(
        key
        for key in w.numbers.distinct.known()
        if (wanted is None or key[0] in wanted)
        and (fate is None or key[1] == fate)
        and (kind is None or key[2] == kind)
        and (sensitive is None or is_sensitive(key[2]) is sensitive)
    )


def distinct(w: Writing, source: str) -> Section:
    """Distinct identifiers by destination and form, in the year so far."""
    header = [w("col.recipient"), w("col.country"), w("col.form"), w("col.distinct"), w("col.between"),
              w("col.largest"), w("col.sensitive_distinct")]  # fmt: skip
    rows = []
    pairs = sorted({key[:2] for key in w.numbers.distinct.known()}, key=lambda one: (one[0].recipient,
                   one[0].country or "", one[1]))  # fmt: skip
    for to, fate in pairs:
        rows.append([visible(to.recipient), w.place(to.country), w(f"form.{fate}"), *_counted(w, [to], fate)])
    rows += [
        [w("distinct.total"), "", w(f"form.{fate}"), *_counted(w, None, fate)]
        for fate in ("clear", "masked")
        if sum(one == fate for _, one in pairs) > 1
    ]
    table = Table("distinct", header, rows, frozenset({3, 4, 5, 6}), w("none"))
    note = Note(w("distinct.note", error=f"{RELATIVE_ERROR:.1%}"))
    return Section(w("distinct.title", year=w.numbers.period.year), source, [table, note])


def _counted(w: Writing, to: list[Destination] | None, fate: str) -> list[str]:
    whole = estimate_of(w, to=to, fate=fate)
    names = {key[2] for key in w.numbers.distinct.known() if is_personal(key[2])}
    largest = max((estimate_of(w, to=to, fate=fate, kind=name).count, name) for name in names)
    special = estimate_of(w, to=to, fate=fate, sensitive=True)
    between = f"{number(whole.low)} – {number(whole.high)}"
    return [number(whole.count), between, f"{number(largest[0])} ({visible(largest[1])})", number(special.count)]


def failures(w: Writing, source: str) -> Section:
    """What did not go as it should."""
    totals, numbers = w.numbers.totals, w.numbers
    closed = sum(numbers.failed_closed.values())
    items = [
        (totals.unresolved, "unresolved", Tone.BAD), (closed, "closed", Tone.CARE),
        (totals.failed, "failed", Tone.CARE),
        (totals.placeholders_unknown, "unknown", Tone.CARE), (totals.placeholders_withheld, "withheld", Tone.CARE),
        (numbers.observed, "observed", Tone.CARE), (numbers.unsynchronized, "clock", Tone.CARE),
    ]  # fmt: skip
    figures = Figures([(number(n), w(f"failures.{key}"), tone if n else Tone.GOOD) for n, key, tone in items])
    blocks: list[Block] = [figures]
    if numbers.failed_closed:
        rows = [[visible(reason), number(n)] for reason, n in list(numbers.failed_closed.items())[:_MOST_ROWS]]
        blocks.append(Table("failed_closed", [w("failures.closed_title"), w("col.count")], rows, frozenset({1})))
    if numbers.errors:
        rows = [[visible(one.key or "–"), number(one.decisions)] for one in numbers.errors[:_MOST_ROWS]]
        blocks.append(Table("errors", [w("failures.errors_title"), w("col.count")], rows, frozenset({1})))
    return Section(w("failures.title"), source, blocks)


def policies(w: Writing, source: str) -> Section:
    """What changed in the policy, and what was in force."""
    header = [w("col.time"), w("col.tenant"), w("col.policy"), w("col.changes")]
    rows = []
    for change in w.numbers.policies.changes[:_MOST_ROWS]:
        paths = [visible(path) for path in change.paths]
        told = ", ".join(paths[:12]) + (f" … +{len(paths) - 12}" if len(paths) > 12 else "")
        first = w("policy.first") if change.before is None else w("policy.same")
        rows.append([moment(change.time), visible(change.tenant), short(change.hash), told or first])
    used = [
        [short(digest), number(count), moment(first), moment(last)]
        for digest, count, first, last in w.numbers.policies.used[:_MOST_ROWS]
    ]
    in_force = [w("policy.used"), w("col.requests"), w("col.first"), w("col.last")]
    blocks: list[Block] = [
        Table("policy_changes", header, rows, empty=w("none")),
        Note(w("policy.note")),
        Table("policies", in_force, used, frozenset({1}), w("none")),
    ]
    return Section(w("policy.title"), source, blocks)


def proof(w: Writing, source: str) -> Section:
    """How one knows that the record is whole."""
    numbers = w.numbers
    items = [(w("proof.size"), number(numbers.ledger_size), Tone.PLAIN)]
    covered = covered_by(numbers.newest_note)
    if covered is None:
        items.append((w("proof.covered"), w("proof.none"), Tone.CARE))
    else:
        items += [
            (w("proof.covered"), number(covered["size"]), Tone.PLAIN),
            (w("proof.signed"), moment(numbers.newest_signed), Tone.PLAIN),
            (w("proof.origin"), visible(covered["origin"]), Tone.PLAIN),
            (w("proof.root"), covered["root"], Tone.PLAIN),
        ]
    items.append((w("proof.verified"), *_verdict(w)))
    return Section(w("proof.title"), source, [Facts(items), Note(w("proof.note"))])


def covered_by(note: str | None) -> dict[str, Any] | None:
    """What a checkpoint says, unchecked."""
    try:
        found = None if note is None else parse_checkpoint(note).checkpoint
    except AuditError:
        found = None
    return None if found is None else {"origin": found.origin, "size": found.size, "root": found.root.hex()}


def _verdict(w: Writing) -> tuple[str, Tone]:
    if w.verdict is None:
        return w("proof.not_run"), Tone.CARE
    if w.verdict.verdict == 0:
        return w("proof.whole"), Tone.GOOD
    if w.verdict.verdict == 1:
        return w("proof.flawed", count=number(w.verdict.flaw_count)), Tone.BAD
    return w("proof.doubt"), Tone.CARE


def measures(w: Writing) -> list[Block]:
    """What the gateway does for security, in sentences."""
    closed = number(sum(w.numbers.failed_closed.values()))
    return [Note(w("measures.1")), Note(w("measures.2", closed=closed)), Note(w("measures.3"))]
