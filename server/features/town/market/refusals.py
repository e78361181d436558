"""What several parts of the market answer to who asks for what is not there."""

from __future__ import annotations

from server.http.errors import Problem, not_found


def no_listing() -> Problem:
    return not_found("There is no such listing")


def no_order() -> Problem:
    return not_found("There is no such order")
