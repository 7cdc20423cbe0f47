"""Names of people of many cultures, for training text only. Faker is imported when first needed.

Chinese names are put together from surnames (rare and double ones too) and characters used in given names; Latin ones
come from Faker's locales and from romanized lists, so that no single list becomes what the model knows.
"""

from __future__ import annotations

import random
from functools import cache
from typing import Final

from models.ner.words import characters, words

ZH_SURNAMES: Final = characters("zh-surnames")
ZH_DOUBLE_SURNAMES: Final = words("zh-double-surnames")
_ZH_GIVEN: Final = characters("zh-given")
_ZH_TRADITIONAL: Final = str.maketrans(characters("zh-simplified"), characters("zh-traditional"))


@cache
def _latin_lists() -> tuple[tuple[list[str], list[str]], ...]:
    """Given and family names by locale, as single words."""
    from faker import Faker  # type: ignore[import-not-found,unused-ignore]

    lists: list[tuple[list[str], list[str]]] = []
    for number, locale in enumerate(words("faker-locales-names")):
        fake = Faker(locale)
        fake.seed_instance(number)
        given = sorted({fake.first_name() for _ in range(400)})
        family = sorted({fake.last_name() for _ in range(400)})
        lists.append((given, family))
    lists += [(list(words("romanized-given")), list(words("romanized-family")))] * 6
    return tuple(lists)


def latin_parts(rng: random.Random) -> tuple[str, str]:
    """A given and a family name of one culture, now and then of two."""
    given = rng.choice(rng.choice(_latin_lists())[0]) if rng.random() < 0.1 else None
    lists = rng.choice(_latin_lists())
    return given or rng.choice(lists[0]), rng.choice(lists[1])


def latin_name(rng: random.Random) -> str:
    """A full name in one of the ways in which people write one."""
    given, family = latin_parts(rng)
    form = rng.random()
    if form < 0.58:
        return f"{given} {family}"
    if form < 0.66:
        return f"{family}, {given}"
    if form < 0.72:
        return f"{given[0]}. {family}"
    if form < 0.76:
        return f"{given} {rng.choice('ABCDEFGHJKLMNPRSTW')}. {family}"
    if form < 0.82:
        return f"{given} {latin_parts(rng)[1]} {family}"
    if form < 0.88:
        return f"{given} {family}".lower()
    if form < 0.94:
        return f"{given} {family}".upper()
    return rng.choice((given, family))


def chinese_parts(rng: random.Random) -> tuple[str, str]:
    """A surname and a given name in characters; a sixth of them traditional."""
    surname = rng.choice(ZH_DOUBLE_SURNAMES) if rng.random() < 0.08 else _surname(rng)
    given = "".join(rng.choice(_ZH_GIVEN) for _ in range(1 if rng.random() < 0.3 else 2))
    if rng.random() < 0.17:
        return surname.translate(_ZH_TRADITIONAL), given.translate(_ZH_TRADITIONAL)
    return surname, given


def _surname(rng: random.Random) -> str:
    # Squared, so that common surnames (the list's begin) come more often, as they do.
    return ZH_SURNAMES[int(len(ZH_SURNAMES) * rng.random() ** 1.5)]


def chinese_name(rng: random.Random) -> str:
    """A full name, or one of the short ways to name someone."""
    surname, given = chinese_parts(rng)
    form = rng.random()
    if form < 0.86:
        return surname + given
    if form < 0.91:
        return rng.choice("老小阿") + surname[:1]
    if form < 0.96:
        return given
    return surname
