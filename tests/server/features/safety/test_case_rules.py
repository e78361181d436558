"""How grave a case is: pure."""

from __future__ import annotations

import pytest

from server.features.safety.cases.rules import Reason, Record, Report, actions_on, gravest, severity_of

NEW = Record()
LIAR = Record(dismissed=20)
KEEN = Record(acted=20)


def _by(number: int, reason: Reason, record: Record = NEW) -> list[Report]:
    return [Report(reason=reason, record=record)] * number


@pytest.mark.parametrize(
    ("reports", "is_on_air", "severity"),
    [
        (_by(1, "spam"), False, "low"),
        (_by(1, "hate"), False, "medium"),
        (_by(1, "hate"), True, "high"),
        (_by(1, "violence"), False, "high"),
        (_by(1, "violence", LIAR), False, "low"),
        (_by(1, "minors"), False, "critical"),
        (_by(1, "self_harm", KEEN), False, "critical"),
        (_by(8, "harassment"), False, "high"),
    ],
)
def test_a_case_is_as_grave_as_its_reasons_its_reporters_and_its_reach(
    reports: list[Report], is_on_air: bool, severity: str
) -> None:
    assert severity_of(reports, is_on_air=is_on_air) == severity


def test_a_thousand_reports_of_a_ring_weigh_no_more_than_a_handful() -> None:
    assert severity_of(_by(1_000, "spam")) == severity_of(_by(12, "spam")) == "medium"
    assert severity_of(_by(1_000, "spam", LIAR)) != "critical"


def test_the_gravest_reason_names_the_case() -> None:
    assert gravest(["spam", "minors", "hate"]) == "minors"


def test_what_may_be_done_depends_on_what_it_is_about() -> None:
    assert "hide" not in actions_on("person", has_owner=True)
    assert {"hide", "remove", "suspend"} <= actions_on("post", has_owner=True)
    assert actions_on("community", has_owner=False) == {"dismiss", "escalate", "hide", "remove"}
