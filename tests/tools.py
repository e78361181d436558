"""Programs that some tests need: where one is missing they are skipped by name, and in CI they fail instead."""

from __future__ import annotations

import os

import pytest

IS_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")


def needs(is_there: object, what: str) -> pytest.MarkDecorator:
    """A mark that skips the test where ``what`` is missing, except in CI, where nothing may be."""
    return pytest.mark.skipif(not is_there and not IS_CI, reason=f"{what} is missing")
