"""Places on the earth: as calls name them, as rooms store them, and how Postgres finds those near one. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from server.http.shapes import Body, PageQuery, Shape, Text, one_line

KM_PER_DEGREE: Final = 111.195
"""Of a great circle, on a sphere of 6,371.0 km."""
DEFAULT_RADIUS_KM: Final = 25.0
MAX_RADIUS_KM: Final = 500.0
MAX_NAME: Final = 100
NEAR_PATTERN: Final = (
    r"^-?(90(\.0{1,10})?|[0-8]?[0-9](\.[0-9]{1,10})?),-?(180(\.0{1,10})?|(1[0-7][0-9]|[0-9]{1,2})(\.[0-9]{1,10})?)$"
)

WITHIN: Final = "(point({0}.lon, {0}.lat) <@ ({1}::text)::box or point({0}.lon, {0}.lat) <@ ({2}::text)::box)"
"""``{0}``: a row; ``{1}``, ``{2}``: the texts of ``boxes_around``. A GiST index on the point serves it."""
METRES: Final = """
(2 * 6371009 * asin(least(1, sqrt(
    sin(radians({0}.lat - {1}) / 2) ^ 2
    + cos(radians({1})) * cos(radians({0}.lat)) * sin(radians({0}.lon - {2}) / 2) ^ 2))))::bigint
"""
"""From a row to the latitude ``{1}`` and the longitude ``{2}``, by the haversine formula."""


@dataclass(frozen=True)
class Point:
    """Degrees: ``lat`` from −90 to 90, ``lon`` from −180 to 180."""

    lat: float
    lon: float


def _near(value: str) -> str:
    if re.fullmatch(NEAR_PATTERN[1:-1], value) is None:
        raise ValueError("must be latitude,longitude in degrees, from -90 to 90 and from -180 to 180")
    return value


Near = Annotated[
    str,
    AfterValidator(_near),
    Field(max_length=40, description="latitude,longitude in degrees", json_schema_extra={"pattern": NEAR_PATTERN}),
]
Radius = Annotated[float, Field(ge=0.1, le=MAX_RADIUS_KM, allow_inf_nan=False, description="Only with `near`")]


class NearQuery(PageQuery):
    """A page of what is near a place; without one, of all."""

    near: Near | None = None
    radius_km: Radius = DEFAULT_RADIUS_KM

    @field_validator("radius_km")
    @classmethod
    def _goes_with_near(cls, value: float, info: ValidationInfo) -> float:
        if "near" in info.data and info.data["near"] is None:
            raise ValueError("goes with near")
        return value


class PlaceBody(Body):
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    precision_km: Annotated[
        float,
        Field(ge=0.1, le=100, allow_inf_nan=False, description="The place is stored and shown no finer than this"),
    ] = 1.0
    name: Annotated[Text, AfterValidator(lambda text: one_line(text, at_most=MAX_NAME)), Field(max_length=MAX_NAME)] = (
        ""
    )


class PlaceShape(Shape):
    """Rounded to what its owner allows."""

    lat: float
    lon: float
    precision_km: float
    name: str


def point_of(near: str) -> Point:
    lat, lon = near.split(",")
    return Point(float(lat), float(lon))


def rounded(lat: float, lon: float, precision_km: float) -> Point:
    """The middle of the cell of a grid of about ``precision_km``, in which the place is."""
    step = precision_km / KM_PER_DEGREE
    middle = _snapped(lat, step, 90.0)
    width = step / max(math.cos(math.radians(middle)), step / 360.0)
    return Point(round(middle, 5), round(_snapped(lon, min(width, 360.0), 180.0), 5))


def _snapped(degrees: float, step: float, most: float) -> float:
    return max(-most, min(most, (math.floor(degrees / step) + 0.5) * step))


def boxes_around(at: Point, radius_km: float) -> tuple[str, str]:
    """Two boxes, as Postgres writes them, that cover the circle; one of them twice where one is enough.

    A circle about a pole takes all longitudes; one across ±180° has a box on either side.
    """
    height = radius_km / KM_PER_DEGREE * 1.001
    south, north = max(-90.0, at.lat - height), min(90.0, at.lat + height)
    if south <= -90.0 or north >= 90.0:
        return (_box(-180.0, south, 180.0, north),) * 2
    width = _widest(at.lat, height)
    west, east = at.lon - width, at.lon + width
    if west < -180.0:
        return _box(-180.0, south, east, north), _box(west + 360.0, south, 180.0, north)
    if east > 180.0:
        return _box(west, south, 180.0, north), _box(-180.0, south, east - 360.0, north)
    return (_box(west, south, east, north),) * 2


def radii_up_to(most_km: float, *, beyond_km: float = 0.0) -> Iterator[float]:
    """Radii to look in one after another, each four times the one before, the last of them ``most_km``; only those that
    reach beyond what was seen already.
    """
    radius_km = most_km / 4**4
    while radius_km < most_km:
        if radius_km > beyond_km:
            yield radius_km
        radius_km *= 4
    yield most_km


def _widest(lat: float, height: float) -> float:
    """Half of the degrees of longitude of a circle of half ``height`` degrees, which is clear of the poles."""
    return min(180.0, math.degrees(math.asin(math.sin(math.radians(height)) / math.cos(math.radians(lat)))))


def _box(west: float, south: float, east: float, north: float) -> str:
    return f"({east!r},{north!r}),({west!r},{south!r})"
