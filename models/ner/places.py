"""Made-up addresses, organizations and handles for training text. Imports ``names``; Faker when first needed."""

from __future__ import annotations

import random
import unicodedata
from functools import cache
from typing import Any, Final

from models.ner import names
from models.ner.words import lines, words

_CITIES: Final = dict(line.split(":") for line in lines("zh-cities"))
_ROADS: Final = words("zh-roads")
_ESTATES: Final = words("zh-estates")
_ORG_KINDS: Final = words("zh-organization-kinds")
_ORG_STEMS: Final = words("zh-organization-stems")
_EN_STEMS: Final = words("organization-stems")
_EN_KINDS: Final = lines("organization-kinds")


@cache
def _fakes() -> tuple[Any, ...]:
    from faker import Faker  # type: ignore[import-not-found,unused-ignore]

    fakes = tuple(Faker(locale) for locale in words("faker-locales-addresses"))
    for number, fake in enumerate(fakes):
        fake.seed_instance(number)
    return fakes


def western_address(rng: random.Random) -> str:
    """A street address in one of many countries' layouts, over one or several lines."""
    fake = rng.choice(_fakes())
    street: str = fake.street_address() if rng.random() < 0.35 else fake.address()
    return street if rng.random() < 0.25 else street.replace("\n", ", ")


def chinese_address(rng: random.Random) -> str:
    """A mainland or Taiwanese street address, more or less complete."""
    city = rng.choice(list(_CITIES))
    district = rng.choice(_CITIES[city].split())
    if rng.random() < 0.4:
        city = city.split("省")[-1]
    road, number = rng.choice(_ROADS), rng.randint(1, 1299)
    taiwan = city in ("台北市", "高雄市", "新北市")
    if taiwan:
        lane = f"{rng.randint(2, 300)}巷" if rng.random() < 0.5 else ""
        tail = f"{rng.choice('一二三四五')}段{lane}{number % 200 + 1}號{rng.randint(2, 12)}樓" + (
            "之" + str(rng.randint(1, 9)) if rng.random() < 0.3 else ""
        )
    else:
        room = rng.choice(
            (
                f"{rng.randint(1, 40)}号楼{rng.randint(1, 5)}单元{rng.randint(101, 3204)}室",
                f"{rng.randint(1, 40)}栋{rng.randint(101, 3204)}",
                f"{rng.randint(1, 40)}幢{rng.randint(101, 1804)}室",
                f"{rng.choice('ABCD')}座{rng.randint(101, 3204)}",
                f"{rng.randint(1, 30)}-{rng.randint(1, 4)}-{rng.randint(101, 1204)}",
                "",
            )
        )
        tail = f"{number}号" + (rng.choice(_ESTATES) + room if rng.random() < 0.7 else "")
    parts = [city if rng.random() < 0.8 else "", district if rng.random() < 0.85 else "", road, tail]
    return rng.choice(("", "", "", " ")).join(part for part in parts if part)


def organization(rng: random.Random, han: bool) -> str:
    """A company, school, hospital or authority."""
    if han:
        place = rng.choice(list(_CITIES)).split("省")[-1]
        place = place if rng.random() < 0.4 else place.removesuffix("市")
        return (
            (place if rng.random() < 0.7 else "")
            + (rng.choice(_ORG_STEMS) if rng.random() < 0.8 else names.chinese_parts(rng)[1])
            + rng.choice(_ORG_KINDS)
        )
    stem = rng.choice(
        (rng.choice(_EN_STEMS), names.latin_parts(rng)[1], f"{names.latin_parts(rng)[1]} & {names.latin_parts(rng)[1]}")
    )
    return f"{stem} {rng.choice(_EN_KINDS)}"


def username(rng: random.Random) -> str:
    """A login or handle made of a name or of words."""
    given, family = (_plain(part) for part in names.latin_parts(rng))
    number = rng.choice(("", "", str(rng.randint(1, 99)), str(rng.randint(1950, 2012))))
    return rng.choice(
        (
            f"{given}.{family}{number}",
            f"{given[:1]}{family}{number}",
            f"{given}{number}",
            f"{given}_{family}{number}",
            f"{family}-{given[:1]}",
            f"{family}{given[:1]}{number}",
            f"{rng.choice(_EN_STEMS).lower()}{rng.choice(('_', '', '-'))}{given}{number}",
            f"the_{given}{number}",
            f"{given}{rng.choice(('xx', 'dev', 'codes', '_qq', 'z'))}{number}",
        )
    )


def _plain(name: str) -> str:
    return (
        "".join(char for char in unicodedata.normalize("NFKD", name.lower()) if char.isascii() and char.isalnum())
        or "kim"
    )
