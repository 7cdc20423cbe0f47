"""BIC, IMEI, coordinates: with their labels and forms; and numbers that only look alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Find = Callable[[str], list[tuple[str, str]]]


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("BIC: COBADEFFXXX", "BIC", "COBADEFFXXX"),
        ("<BIC>AIBKIE2D</BIC>", "BIC", "AIBKIE2D"),
        ("SWIFT代码：BKCHCNBJ", "BIC", "BKCHCNBJ"),
        ("imei 490154203237518", "IMEI", "490154203237518"),
        ("手机串号490154203237518", "IMEI", "490154203237518"),
        ("on the box 49-015420-323751-8", "IMEI", "49-015420-323751-8"),
        ("IMEI: 490154203237519", "IMEI", "490154203237519"),
        ("gps 52.520008, 13.404954 now", "COORDINATES", "52.520008, 13.404954"),
        ("坐标：31.230416,121.473701", "COORDINATES", "31.230416,121.473701"),
        ('{"lat": 52.520008, "lng": 13.404954}', "COORDINATES", '52.520008, "lng": 13.404954'),
        ("at 40.71277 N, 74.00597 W", "COORDINATES", "40.71277 N, 74.00597 W"),
        ("51°30'26\"N 0°7'39\"W", "COORDINATES", "51°30'26\"N 0°7'39\"W"),
        ("lat=52.520008&lon=13.404954", "COORDINATES", "52.520008&lon=13.404954"),
    ],
)
def test_found(find: Find, text: str, entity: str, value: str) -> None:
    assert (entity, value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "SWIFT PLATFORM",
        "swift compiler",
        "BIC is required",
        "COBADEFFXXX alone",
        "id 490154203237519 alone",
        "x = 52.520008, 13.404954",
        '{"lat": 52.5, "lng": 13.4}',
        "latitude: float",
        "loss 0.123456, 0.234567",
        "position: 12.50, 13.50",
    ],
)
def test_near_misses(find: Find, text: str) -> None:
    assert find(text) == []
