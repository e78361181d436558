"""The pages of the reference are made of what the program declares."""

from __future__ import annotations

import re

from deploy.site import reference
from server import describe
from server.http.errors import TITLES

METRICS = """\
# HELP socialflow_b What is open
# TYPE socialflow_b gauge
socialflow_b 3
# HELP socialflow_a_total Sent <now> | ever
# TYPE socialflow_a_total counter
socialflow_a_total{kind="x"} 1
"""


def test_the_page_of_the_api_has_every_operation_with_its_answers() -> None:
    document = describe.document(describe.features())
    page = reference.api(document)
    there = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert {f"{one}" for one in re.findall(r"^\| `([A-Z]+ \S+)` \|", page, re.MULTILINE)} == there
    assert re.search(r"^\| `POST /api/v1/streams` \| Prepare or schedule a stream \| 201, 400, ", page, re.MULTILINE)
    assert "## streams\n" in page


def test_the_page_of_metrics_has_them_by_name_as_they_are_asked_for() -> None:
    rows = reference.metrics(METRICS).splitlines()[-2:]
    assert rows == [
        "| `socialflow_a_total` | counter | Sent &lt;now> \\| ever |",
        "| `socialflow_b` | gauge | What is open |",
    ]


def test_the_page_of_errors_has_what_the_text_of_the_program_raises() -> None:
    source = (
        'raise Problem(409, f"It has {n} already", slug="too-many-pins")\n'
        'raise Problem(422, slug="too-many-pins")\nraise DomainError("not_found", "There is no such post")\n'
    )
    page = reference.errors([source])
    assert "| `too-many-pins` | 409, 422 | It has … already |\n" in page
    assert "| `not_found` | There is no such post |\n" in page
    assert all(f"| `{slug}` | " in page for slug, _ in TITLES.values())


def test_the_program_s_own_errors_are_found() -> None:
    page = reference.errors(reference.sources())
    assert {"payments-not-configured", "password-change-required"} <= set(re.findall(r"^\| `([a-z-]+)` \|", page, re.M))
    assert {"not_found", "rate_limited"} <= set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE))
