"""Statistics on a terminal: aligned numbers and small bars. Pure but for what rich measures.

Recorded text passes through `visible` and is handed to rich as `Text`, never as markup. No bar is wider than what the
terminal leaves it; in a pipe a line stays a line, with a bar of fixed width.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from audit.statistics_values import Bucket, Count, Totals
from audit.visible import visible

ACTION_STYLE = {"allow": "green", "mask": "cyan", "reroute": "magenta", "block": "red"}
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
_EIGHTHS = " ▏▎▍▌▋▊▉"
_WIDEST = 40
_LONG = 2 * _WIDEST
_NONE = "(none)"


def bar(share: float, width: int, style: str = "cyan") -> Text:
    """A bar of ``share`` (0 to 1) of ``width`` columns, exact to an eighth; what is not nothing can be seen."""
    eighths = round(share * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    return Text("█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else ""), style)


def totals_page(totals: Totals) -> RenderableType:
    """`stats`: all sums on a page."""
    most = max(totals.by_action.values(), default=0)
    actions = _table(("Action", "left"), ("Decisions", "right"), ("Share", "right"), ("", "left"))
    for action, count in totals.by_action.items():
        style = ACTION_STYLE.get(action, "")
        actions.add_row(Text(action, style), _number(count), _share(count, totals.decisions),
                        bar(count / most if most else 0, 24, style))  # fmt: skip
    ends = {"complete": totals.complete, "failed": totals.failed, "refused": totals.refused,
            "pending": totals.pending, "unresolved": totals.unresolved}  # fmt: skip
    ended = _grid({name: f"{count:,}" for name, count in ends.items()})
    traffic = {
        "tokens in": f"{totals.input_tokens:,}",
        "tokens out": f"{totals.output_tokens:,}",
        "requests": size(totals.request_bytes),
        "replies": size(totals.response_bytes),
    }
    for currency, amount in totals.cost.items():
        traffic[f"cost ({visible(currency)})"] = f"{amount:,.2f}"
    placeholders = {name: f"{getattr(totals, f'placeholders_{name}'):,}"
                    for name in ("sent", "seen", "restored", "mangled", "unknown", "withheld")}  # fmt: skip
    latency = _table(
        ("Latency", "left"), ("p50 ms", "right"), ("p95 ms", "right"), ("p99 ms", "right"), ("of", "right")
    )
    for name, one in totals.latency.items():
        latency.add_row(Text(_LATENCY[name]), *(Text(f"{v:,.1f}") for v in (one.p50, one.p95, one.p99)),
                        Text(f"{one.count:,}", "dim"))  # fmt: skip
    head = Text.assemble((f"{totals.decisions:,}", "bold"), " decisions, ", (f"{totals.findings:,}", "bold"),
                         " values found")  # fmt: skip
    parts: list[RenderableType] = [head, Text(), actions]
    for title, grid in (("Ended", ended), ("Traffic", _grid(traffic)), ("Placeholders", _grid(placeholders))):
        parts += [Text(), Text(title, "bold"), grid]
    if totals.latency:
        parts += [Text(), latency]
    return Group(*parts)


_LATENCY = {"detect_ms": "detecting", "total_ms": "until the decision", "upstream_ms": "until the last byte",
            "first_byte_ms": "until the first byte"}  # fmt: skip


def top_table(name: str, counts: Sequence[Count], width: int) -> RenderableType:
    """`top`: a ranking with bars."""
    most = counts[0].decisions
    title = name.replace("_", " ").capitalize()
    keys = [_NONE if one.key is None else visible(one.key) for one in counts]
    numbers = max(9, len(f"{most:,}")) + max(8, *(len(f"{one.findings:,}") for one in counts)) + 8
    room = min(_WIDEST, max(8, width - numbers - min(40, max(map(cell_len, (title, *keys))))))
    table = _table((title, "left"), ("Decisions", "right"), ("Findings", "right"), ("", "left"))
    table.columns[0].overflow, table.columns[0].no_wrap = "fold", False
    for key, one in zip(keys, counts, strict=True):
        style = ACTION_STYLE.get(key, "cyan") if name == "action" else "cyan"
        table.add_row(Text(key, "dim" if one.key is None else ""), _number(one.decisions), _number(one.findings),
                      bar(one.decisions / most, room, style))  # fmt: skip
    return table


def timeline_table(buckets: Sequence[Bucket], width: int) -> RenderableType:
    """`timeline`: a bar for each step, split by key where there are keys; the largest six have colours."""
    sums: Counter[str] = Counter()
    for bucket in buckets:
        sums.update(bucket.counts)
    keys = [key for key, _ in sums.most_common(len(_COLOURS))]
    styles = {key: ACTION_STYLE.get(key, _COLOURS[n]) for n, key in enumerate(keys)}
    most = max(sum(bucket.counts.values()) for bucket in buckets) or 1
    daily = all(bucket.start.time() == dt.time() for bucket in buckets)
    room = min(_LONG, max(8, width - (10 if daily else 16) - len(f"{most:,}") - 8))
    table = _table(("Time (UTC)", "left"), ("Decisions", "right"), ("", "left"))
    for bucket in buckets:
        total = sum(bucket.counts.values())
        table.add_row(Text(f"{bucket.start:%Y-%m-%d}" if daily else f"{bucket.start:%Y-%m-%d %H:%M}"), _number(total),
                      _stacked(bucket.counts, styles, room / most))  # fmt: skip
    if list(sums) in ([], ["all"]):
        return table
    legend = Text("  ").join(
        Text.assemble(("█ ", styles[key]), visible(key) if key else _NONE, (f" {sums[key]:,}", "dim")) for key in keys
    )
    if rest := sums.total() - sum(sums[key] for key in keys):
        legend += Text.assemble("  ", ("█ ", "dim"), "others", (f" {rest:,}", "dim"))
    return Group(table, Text(), legend)


def _stacked(counts: Mapping[str, int], styles: Mapping[str, str], scale: float) -> Text:
    """Whole columns but for the last, so that the sum's length is right to a column."""
    text, drawn, reached = Text(), 0, 0.0
    ordered = [(style, counts.get(key, 0)) for key, style in styles.items()]
    ordered.append(("dim", sum(count for key, count in counts.items() if key not in styles)))
    if len([1 for _, count in ordered if count]) == 1:
        style, count = next(one for one in ordered if one[1])
        return bar(count * scale / _LONG, _LONG, style)
    for style, count in ordered:
        reached += count * scale
        columns = round(reached) - drawn
        text.append("█" * columns, style)
        drawn += columns
    return text if drawn or not reached else Text("▏", "cyan")


def size(count: int) -> str:
    """Bytes for people."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"
        amount /= 1000
    raise AssertionError


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name, justify in columns:
        table.add_column(name, justify="right" if justify == "right" else "left", no_wrap=True)
    return table


def _grid(rows: Mapping[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=_WIDEST)
    grid.add_column(overflow="fold")
    for name, value in rows.items():
        red = name == "unresolved" and value != "0"
        grid.add_row(Text(f"  {name}", "dim"), Text(value, "bold red" if red else ""))
    return grid


def _number(count: int) -> Text:
    return Text(f"{count:,}")


def _share(count: int, whole: int) -> Text:
    return Text(f"{count / whole:.1%}" if whole else "-", "dim")
