"""Text without personal data that looks as if it had some: code, logs, product lists. What agents send most.

Code comes from the Python that runs the training, so nothing has to be fetched; lines that
may name a person are dropped. Imports ``sources`` only.
"""

from __future__ import annotations

import random
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from models.ner.sources import Record
from models.ner.words import lines, words

_NAMES_SOMEONE = re.compile(
    r"author|copyright|licen[sc]e|thanks|written|contribut|maintain|©|@|"
    r"[A-Z][a-z]+ (?:[A-Z]\. )?[A-Z][a-z]+|'[A-Z][a-z]+'|\"[A-Z][a-z]+\"",
    re.IGNORECASE,
)
_PRODUCTS = words("products")
_LEVELS = ("INFO", "WARN", "ERROR", "DEBUG", "TRACE")
_MODULES = words("log-modules")
_EVENTS = lines("log-events")


def code(rng: random.Random, count: int) -> Iterator[Record]:
    """``count`` snippets of source: the standard library's Python, and now and then a header of its C API."""
    paths = sysconfig.get_paths()
    folder = Path(paths["stdlib"])
    files = sorted(
        path for path in folder.rglob("*.py") if "site-packages" not in path.parts and "idlelib" not in path.parts
    )
    files += sorted(Path(paths["include"]).rglob("*.h")) * 2
    made = 0
    while made < count:
        source = rng.choice(files).read_text(encoding="utf-8", errors="replace").split("\n")
        start = rng.randrange(max(1, len(source) - 10))
        chosen = [line[:160] for line in source[start : start + rng.randint(4, 14)] if not _NAMES_SOMEONE.search(line)]
        text = "\n".join(chosen).strip()
        if len(text) > 40 and text.isascii():
            made += 1
            yield Record(text, (), "en", "code", "negatives")


def sources(rng: random.Random, count: int) -> Iterator[str]:
    """``count`` stretches of files as they are, authors and all, from this Python and the packages installed in it.

    Not known to be without personal data: for a teacher to label.
    """
    paths = sysconfig.get_paths()
    kinds = ("*.py", "*.pyi", "*.h", "*.md", "*.json", "*.rst", "*.js", "*.css", "*.txt", "*.toml")
    files = [
        sorted(path for kind in kinds for path in Path(paths[root]).rglob(kind) if path.stat().st_size > 800)
        for root in ("stdlib", "purelib")
    ]
    files = [found for found in files if found]
    made = 0
    while made < count:
        lines_of_file = rng.choice(rng.choice(files)).read_text(encoding="utf-8", errors="replace").split("\n")
        start = rng.randrange(max(1, len(lines_of_file) - 40))
        text = "\n".join(line[:300] for line in lines_of_file[start : start + rng.randint(10, 70)])[:3000]
        if len(text) > 200:
            made += 1
            yield text


def logs(rng: random.Random, count: int) -> Iterator[Record]:
    """``count`` snippets of log lines and lists of products and versions."""
    for number in range(count):
        if number % 5 == 4:
            products = rng.sample(_PRODUCTS, rng.randint(3, 8))
            text = rng.choice((", ".join, "\n".join, " vs ".join))(products)
            yield Record(
                rng.choice(("Compare ", "requirements:\n", "对比一下:", "")) + text, (), "en", "products", "negatives"
            )
            continue
        stamp = f"2025-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        written = []
        for _ in range(rng.randint(2, 6)):
            event = rng.choice(_EVENTS).format(
                a=rng.randint(1, 99),
                b=rng.randint(100, 99999),
                c=rng.randint(0, 9),
                h=f"{rng.getrandbits(64):016x}"[: rng.choice((7, 12, 16))],
                p=rng.choice(_PRODUCTS),
            )
            written.append(
                f"{stamp} {rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02} "
                f"{rng.choice(_LEVELS)} [{rng.choice(_MODULES)}] {event}"
            )
        yield Record("\n".join(written), (), "en", "log", "negatives")
