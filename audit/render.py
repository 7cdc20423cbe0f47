"""Records as an auditor reads them: a table, one record in full, JSON. Pure but for what rich measures.

All recorded text passes through `visible` and is handed to rich as `Text`, never as markup. Times are UTC.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from audit.query import Record, State
from audit.records import Decision, Outcome
from audit.times import iso
from audit.visible import visible, visible_json

_WIDE = 120
"""Columns of a terminal from which on a record takes one line of the list and shows its rule."""

_ACTION_STYLE = {"allow": "green", "mask": "cyan", "reroute": "magenta", "block": "red"}
_STATE_STYLE = {
    State.COMPLETE: "green",
    State.FAILED: "yellow",
    State.REFUSED: "",
    State.PENDING: "yellow",
    State.UNRESOLVED: "bold red",
}
_EXPLAINED = {
    State.COMPLETE: "went out; the reply came back whole",
    State.FAILED: "went out; the reply was an error or broke off",
    State.REFUSED: "nothing went out",
    State.PENDING: "may have gone out; no outcome yet",
    State.UNRESOLVED: "may have gone out; what became of it was never recorded",
}


def as_mapping(record: Record) -> dict[str, Any]:
    """A record for JSON: the decision's fields, ``findings``, ``outcome`` or null, ``state``, ``seq``; ISO 8601."""
    outcome = None if record.outcome is None else dataclasses.asdict(record.outcome)
    if outcome is not None:
        del outcome["decision_id"]
        outcome["time"] = iso(outcome["time"])
    mapping = {"seq": record.seq, **dataclasses.asdict(record.decision), "state": str(record.state), "outcome": outcome}
    mapping["time"] = iso(mapping["time"])
    return mapping


def as_json(record: Record, *, indent: bool = False) -> str:
    """A record as JSON, harmless on a terminal."""
    if not indent:
        return visible_json(as_mapping(record))
    lines = [f"  {visible_json(key)}: {visible_json(value)}" for key, value in as_mapping(record).items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def record_table(records: Sequence[Record], width: int) -> Table:
    """The list for a terminal of ``width`` columns. Cells fold; none is cut."""
    wide = width >= _WIDE
    table = _table()
    table.add_column("No.", justify="right", no_wrap=True)
    table.add_column("Time (UTC)", no_wrap=True)
    table.add_column("Action", no_wrap=True)
    if wide:
        table.add_column("Caller", overflow="fold", min_width=10)
        table.add_column("Endpoint", overflow="fold", min_width=18)
        table.add_column("Rule", overflow="fold", min_width=10)
    else:
        table.add_column("Caller, endpoint", overflow="fold", min_width=18)
    table.add_column("Found", overflow="fold", min_width=16)
    table.add_column("Result", overflow="fold", min_width=12)
    for record in records:
        decision = record.decision
        caller, where = _shown(decision.proxy_user or decision.principal), _where(decision)
        table.add_row(
            Text(str(record.seq)),
            Text(f"{decision.time:%Y-%m-%d{' ' if wide else chr(10)}%H:%M:%S}"),
            _action(decision, " " if wide else "\n"),
            *((caller, where, _shown(decision.rule)) if wide else (Text("\n").join((caller, where)),)),
            _found(decision),
            _result(record),
        )
    return table


def record_page(record: Record) -> RenderableType:
    """One record in full."""
    decision = record.decision
    title = Text.assemble((decision.id, "bold"), f"   No. {record.seq}")
    summary = Text.assemble(_action(decision), ": ", (_EXPLAINED[record.state], _STATE_STYLE[record.state]))
    parts: list[RenderableType] = [title, summary, Text(), _decision_grid(decision)]
    parts += [Text(), Text("Findings", "bold"), _findings_table(decision) if decision.findings else Text("  none")]
    parts += [Text(), Text("Shape of the request", "bold"), *_shape(decision.shape)]
    parts += [Text(), Text("Outcome", "bold")]
    parts.append(Text("  none recorded") if record.outcome is None else _outcome_grid(record.outcome))
    if record.outcome is not None and (found := _rows(record.outcome.response_findings, 4)):
        table = _table()
        for name in ("  Found in the reply", "Recognizer", "Action", "Distinct"):
            table.add_column(name, overflow="fold")
        for entity, recognizer, action, count in found:
            table.add_row(Text("  ") + _shown(entity), _shown(recognizer), _shown(action), _shown(count))
        parts += [Text(), table]
    return Group(*parts)


def _decision_grid(decision: Decision) -> Table:
    mode = decision.mode
    if decision.would_action is not None:
        mode += f" (enforcing would have done: {decision.would_action})"
    return _grid(
        ("Time", iso(decision.time)),
        ("Tenant", decision.tenant),
        ("Caller", decision.principal),
        ("Proxy user", decision.proxy_user),
        ("Client address", decision.client_address),
        ("Upstream", decision.upstream),
        ("Endpoint", _joined(decision.endpoint, decision.http_method)),
        ("Asked for", decision.server_address),
        ("SDK", decision.user_agent_family),
        ("Provider", _joined(decision.provider, decision.operation) or None),
        ("Model", decision.model),
        ("Route", decision.route or "none: nothing goes out"),
        ("Country", decision.destination_country or ("not known" if decision.route else None)),
        ("Rule", decision.rule),
        ("Reason", decision.reason),
        ("Mode", mode),
        ("Request", f"{decision.request_bytes:,} bytes, {decision.segments} segments of text"
                    f"{', reply streamed' if decision.stream else ''}"),
        ("Placeholders", f"{decision.placeholders} distinct sent"),
        ("Took", f"{decision.detect_ms:.1f} ms detecting, {decision.total_ms:.1f} ms in all"),
        ("Policy", decision.policy_hash or None),
        ("Detector", decision.detector_version or None),
        ("NER model", decision.model_version or None),
        ("Clock", decision.time_source),
        ("Process", decision.process),
    )  # fmt: skip


def _outcome_grid(outcome: Outcome) -> Table:
    tokens = None
    if outcome.input_tokens is not None or outcome.output_tokens is not None:
        tokens = f"{_number(outcome.input_tokens)} in, {_number(outcome.output_tokens)} out"
    cost = None if outcome.cost is None else f"{outcome.cost:.6f} {outcome.currency or ''}".strip()
    timing = ", ".join(
        f"{value:,.1f} ms to the {what} byte"
        for value, what in ((outcome.first_byte_ms, "first"), (outcome.upstream_ms, "last"))
        if value is not None
    )
    own = ", ".join(
        f"{value:,.1f} ms {what}"
        for value, what in ((outcome.gateway_ms, "in all"), (outcome.restore_ms, "of it on the reply"))
        if value is not None
    )
    return _grid(
        ("Time", iso(outcome.time)),
        ("Status", "none: the connection ended before" if outcome.status is None else str(outcome.status)),
        ("Error", outcome.error),
        ("Reply", f"{outcome.response_bytes:,} bytes, {'whole' if outcome.complete else 'not whole'}"),
        ("Model", outcome.response_model),
        ("Finished", outcome.finish_reason),
        ("Tokens", tokens),
        ("Cost", cost),
        ("Placeholders", f"{outcome.placeholders_seen} seen, {outcome.placeholders_restored} restored, "
                         f"{outcome.placeholders_mangled} of them mangled, {outcome.placeholders_unknown} unknown, "
                         f"{outcome.placeholders_withheld} withheld"),
        ("Took", timing or None),
        ("Gateway", own or None),
    )  # fmt: skip


def _rows(text: str, width: int) -> list[list[str]]:
    """Rows of a field that holds JSON; none if it is not as it should be."""
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        return []
    rows = rows if isinstance(rows, list) else []
    return [[str(cell) for cell in row] for row in rows if isinstance(row, list) and len(row) == width]


def _shape(text: str) -> list[RenderableType]:
    rows = _rows(text, 4)
    if not rows:
        return [Text("  no text was read")]
    table = _table()
    for name in ("  Where", "Role", "Segments", "Characters"):
        table.add_column(name, overflow="fold", justify="left" if name in ("  Where", "Role") else "right")
    for path, role, segments, characters in rows:
        table.add_row(Text("  ") + _shown(path), _shown(role), _shown(segments), _shown(characters))
    return [table]


def _findings_table(decision: Decision) -> Table:
    table = _table()
    table.add_column("  Entity", overflow="fold")
    table.add_column("Count", justify="right", no_wrap=True)
    table.add_column("Score", justify="right", no_wrap=True)
    table.add_column("Action", no_wrap=True)
    table.add_column("Role", overflow="fold")
    table.add_column("Where, recognizer, fingerprints", overflow="fold", min_width=24)
    for finding in decision.findings:
        details = [_shown(finding.path), _shown(finding.recognizer)]
        details += [Text(visible(fingerprint), "dim") for fingerprint in finding.fingerprints]
        table.add_row(
            Text("  ") + _shown(finding.entity),
            str(finding.count),
            f"{finding.max_score:.2f}",
            Text(visible(finding.action), _ACTION_STYLE.get(finding.action, "")),
            _shown(finding.role),
            Text("\n").join(details),
        )
    return table


def _table() -> Table:
    return Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")


def _grid(*rows: tuple[str, str | None]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        if value is not None:
            grid.add_row(Text(f"  {name}", "dim"), _shown(value))
    return grid


def _where(decision: Decision) -> Text:
    """The endpoint, and the route where that is not the upstream asked for."""
    text = _shown(decision.endpoint)
    if decision.route not in (None, decision.upstream):
        text += Text(" → ") + _shown(decision.route)
    return text


def _action(decision: Decision, between: str = " ") -> Text:
    text = Text(visible(decision.action), _ACTION_STYLE.get(decision.action, ""))
    if decision.would_action is not None:
        text.append(f"{between}({visible(decision.would_action)})", "dim")
    return text


def _found(decision: Decision) -> Text:
    counts: Counter[str] = Counter()
    for finding in decision.findings:
        counts[finding.entity] += finding.count
    return Text(", ".join(f"{visible(entity)} {count}" if count != 1 else visible(entity)
                          for entity, count in counts.items()))  # fmt: skip


def _result(record: Record) -> Text:
    style = _STATE_STYLE[record.state]
    if record.outcome is None:
        return Text(str(record.state), style)
    words = [str(record.outcome.status) if record.outcome.status is not None else "none"]
    if record.outcome.error is not None:
        words.append(visible(record.outcome.error))
    elif not record.outcome.complete:
        words.append("broken off")
    return Text(" ".join(words), style)


def _shown(value: str | None) -> Text:
    return Text("-" if value is None else visible(value))


def _joined(*words: str | None) -> str:
    return ", ".join(word for word in words if word)


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
