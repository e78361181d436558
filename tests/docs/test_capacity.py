"""``docs/capacity.md``: its model says what stands there, rests on the measurements, and is near to them."""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import Any

import pytest

from tests.docs.markdown import ROOT, blocks

PAGE = (ROOT / "docs/capacity.md").read_text()
MEASURED = (ROOT / "docs/measurements.md").read_text()
A_FIFTH = 0.2


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    module = ModuleType("capacity_of_the_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # where dataclass looks
    exec(blocks(PAGE, "python")[0], module.__dict__)
    return module.__dict__


def row(title: str) -> list[float]:
    (cells,) = re.findall(rf"^\| {re.escape(title)} \| (.+) \|$", PAGE, re.MULTILINE)
    return [float(cell.replace(",", "")) for cell in cells.split(" | ")]


def test_the_audiences_of_the_page_need_what_it_says(model: dict[str, Any]) -> None:
    rows = re.findall(r"^\| `(Audience\(.+?\))` \| (.+) \|$", PAGE, re.MULTILINE)
    assert len(rows) >= 5
    for audience, cells in rows:
        found = model["needs"](eval(audience, model))
        said = [f"{found[name]}" for name in ("edge", "media", "feeds")]
        assert [*said, f"{found['redis']:.0%}", f"{found['postgres']:.0%}"] == cells.split(" | "), audience


def test_the_model_is_within_a_fifth_of_what_was_measured(model: dict[str, Any]) -> None:
    rates, measured, said = (row(one) for one in ("messages a second", "measured, % of a core", "model, % of a core"))
    modelled = [100 * model["chat_cores"](2_000, rate) for rate in rates]
    assert [round(one) for one in modelled] == said
    assert max(abs(one - seen) / seen for one, seen in zip(modelled, measured, strict=True)) < A_FIFTH
    (held,) = re.findall(r"^\| share of a core, % \| (.+) \|$", MEASURED, re.MULTILINE)
    assert [float(cell) for cell in held.split(" | ")] == measured


def test_what_it_takes_of_a_core_stands_in_the_measurements(model: dict[str, Any]) -> None:
    assert f"4.4 to {model['PACKET_S'] * 1e6} µs" in MEASURED
    assert f"{model['FEEDS']} a second and core" in MEASURED
    for number in (model["CONNECTS"], model["ENTRIES"], model["ROWS"]):
        assert f"{number:,}" in MEASURED
    assert f"× {model['ON_SEVERAL']}" in MEASURED


def test_more_of_anything_never_needs_less(model: dict[str, Any]) -> None:
    audience, needs = model["Audience"], model["needs"]
    least = needs(audience(rooms=10, viewers=1_000))
    for more in (
        audience(rooms=20, viewers=1_000),
        audience(rooms=10, viewers=20_000),
        audience(rooms=10, viewers=1_000, messages=50),
        audience(rooms=10, viewers=1_000, webrtc=1.0),
    ):
        assert all(needs(more)[name] >= amount for name, amount in least.items()), more
