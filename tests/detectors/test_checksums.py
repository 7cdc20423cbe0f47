"""Checksums by name: each holds for a published example and for no neighbour of it."""

from __future__ import annotations

import pytest

from detectors.checksums import CHECKSUMS, checksum

VALID = {
    "luhn": "4111 1111 1111 1111",
    "verhoeff": "2363",
    "damm": "5724",
    "mod11": "0-306-40615-2",
    "mod97": "794 44",
    "iso7064_mod_11_2": "0000-0002-1825-0097",
    "iso7064_mod_11_10": "79469",
    "iso7064_mod_37_2": "G123 489654321Y",
    "iso7064_mod_37_36": "A12425GABC1234002M",
    "iso7064_mod_97_10": "79444",
    "stdnum.de.idnr": "36 574 261 809",
}


@pytest.mark.parametrize("name", [*CHECKSUMS, "stdnum.de.idnr"])
def test_an_example_and_its_neighbours(name: str) -> None:
    holds, value = checksum(name), VALID[name]
    assert holds(value)
    at = next(i for i, char in enumerate(value) if char.isdigit())
    neighbours = [value[:at] + digit + value[at + 1 :] for digit in "0123456789" if digit != value[at]]
    assert not any(holds(neighbour) for neighbour in neighbours)


@pytest.mark.parametrize("value", ["", "x", "张", "1" * 500, "\ud800"])
@pytest.mark.parametrize("name", [*CHECKSUMS, "stdnum.de.idnr", "stdnum.cn.ric"])
def test_anything_gets_an_answer(name: str, value: str) -> None:
    assert checksum(name)(value) in (True, False)


@pytest.mark.parametrize(
    "name", ["lunh", "os", "os.path", "stdnum", "stdnum.nothing", "stdnum.util", "stdnum.luhn.x", "a:b"]
)
def test_unknown_names(name: str) -> None:
    with pytest.raises(ValueError, match=r"stdnum"):
        checksum(name)
