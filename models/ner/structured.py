"""Records about nobody: JSON, YAML, CSV, tables, SQL and settings as tools and services return them.

Negatives for training: keys and values look like those beside which people stand in other records (names of things,
numbers of parts, statuses, colours), and no value is anybody's. Imports ``sources`` and ``words`` only.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from models.ner.sources import Record
from models.ner.words import words

_KEYS = {"en": words("data-keys"), "zh": words("zh-data-keys")}
_WORDS = {"en": words("data-words"), "zh": words("zh-data-words")}

Row = dict[str, str | int | float | bool | None]


def records(rng: random.Random, count: int) -> Iterator[Record]:
    """``count`` texts, a quarter of them with Chinese keys and words."""
    layouts = (_json, _json, _yaml, _csv, _table, _sql, _settings, _lines)
    for _ in range(count):
        lang = "zh" if rng.random() < 0.25 else "en"
        keys = rng.sample(_KEYS[lang], rng.randint(3, 9))
        rows = [{key: _value(rng, lang) for key in keys} for _ in range(rng.randint(1, 7))]
        yield Record(rng.choice(layouts)(rng, rows), (), lang, "structured", "negatives")


def _value(rng: random.Random, lang: str) -> str | int | float | bool | None:
    form = rng.randrange(14)
    if form < 4:
        word = rng.choice(_WORDS[lang])
        return word.capitalize() if rng.random() < 0.4 else word
    if form < 6:
        return rng.choice((rng.randint(0, 20), rng.randint(0, 100_000), rng.randint(10**9, 10**13)))
    if form < 7:
        return round(rng.uniform(0, 900), rng.randint(1, 4))
    if form < 8:
        return rng.choice((True, False, None))
    if form < 9:
        return f"20{rng.randint(19, 27)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}" + rng.choice(
            ("", f"T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:00Z", f" {rng.randint(0, 23):02}:00")
        )
    if form < 11:
        return _code(rng)
    if form < 12:
        return f"{rng.randint(0, 9)}.{rng.randint(0, 30)}.{rng.randint(0, 40)}" + rng.choice(("", "-rc1", "+build.7"))
    if form < 13:
        return "/".join(rng.sample(_WORDS["en"], 3)) + rng.choice(("", ".json", ".yaml", "/"))
    return " ".join(rng.choice(_WORDS[lang]) for _ in range(rng.randint(2, 5)))


def _code(rng: random.Random) -> str:
    """A number of a thing: SKU, lot, part, commit, UUID."""
    letters = "".join(rng.choice("ABCDEFGHKLMNPRSTWX") for _ in range(rng.randint(1, 3)))
    return rng.choice(
        (
            f"{letters}-{rng.randint(10, 99999)}",
            f"{letters}{rng.randint(100, 9999)}-{rng.randint(1, 99):02}",
            f"{rng.randint(1, 99):02}-{rng.randint(1000, 9999)}-{letters}",
            f"{rng.getrandbits(64):016x}"[: rng.choice((7, 8, 12, 16))],
            f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4{rng.getrandbits(12):03x}-a{rng.getrandbits(12):03x}"
            f"-{rng.getrandbits(48):012x}",
            f"{letters.lower()}-{rng.choice(_WORDS['en'])}-{rng.randint(0, 99)}",
        )
    )


def _json(rng: random.Random, rows: list[Row]) -> str:
    form = rng.randrange(4)
    if form == 0:
        return json.dumps(rows[0], ensure_ascii=False, indent=rng.choice((2, 4)))
    if form == 1:
        return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    body = {rng.choice(_KEYS["en"]): rng.randint(1, 500), rng.choice(("items", "data", "results", "rows")): rows}
    return json.dumps(body, ensure_ascii=False, indent=rng.choice((None, 1, 2)))


def _yaml(rng: random.Random, rows: list[Row]) -> str:
    head = rng.choice(("", f"{rng.choice(_KEYS['en'])}:\n"))
    pad = "  " if head else ""
    texts = []
    for row in rows:
        lines = [f"{key}: {_bare(value)}" for key, value in row.items()]
        texts.append(f"{pad}- " + f"\n{pad}  ".join(lines))
    return head + "\n".join(texts)


def _csv(rng: random.Random, rows: list[Row]) -> str:
    mark = rng.choice((",", ";", "\t", ", "))
    return "\n".join([mark.join(rows[0]), *(mark.join(map(_bare, row.values())) for row in rows)])


def _table(rng: random.Random, rows: list[Row]) -> str:
    lines = [list(rows[0]), *([_bare(value) for value in row.values()] for row in rows)]
    if rng.random() < 0.5:
        lines.insert(1, ["---"] * len(rows[0]))
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)
    widths = [max(len(line[column]) for line in lines) + 2 for column in range(len(rows[0]))]
    return "\n".join("".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _sql(rng: random.Random, rows: list[Row]) -> str:
    values = ",\n".join(
        "  (" + ", ".join(f"'{v}'" if isinstance(v, str) else _bare(v).upper() for v in row.values()) + ")"
        for row in rows
    )
    return f"INSERT INTO {rng.choice(_KEYS['en'])}s ({', '.join(rows[0])}) VALUES\n{values};"


def _settings(rng: random.Random, rows: list[Row]) -> str:
    upper = rng.random() < 0.4
    mark = rng.choice(("=", " = ", ": "))
    return "\n".join(
        f"{key.upper() if upper else key}{mark}{_bare(value)}" for row in rows[:2] for key, value in row.items()
    )


def _lines(rng: random.Random, rows: list[Row]) -> str:
    return "\n".join(" ".join(f"{key}={_bare(value)}" for key, value in row.items()) for row in rows)


def _bare(value: str | float | bool | None) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
