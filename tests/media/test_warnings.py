"""Every warning is documented for the programs that read its name."""

from __future__ import annotations

import re
from pathlib import Path

from media.warnings import WARNINGS


def test_every_name_stands_in_the_table_for_clients_and_no_other() -> None:
    table = Path("docs/clients.md").read_text().partition("| name | what is odd")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(WARNINGS)
