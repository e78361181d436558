"""What ``docs/webhooks.md`` says: its receiver takes deliveries, and it names every event."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer, unused_port

from server.features.integrations.webhooks.kinds import EVENTS, SENT
from tests.server.features.webhooks.conftest import Hooks

PAGE = Path(__file__).parents[4] / "docs" / "webhooks.md"


async def test_the_receiver_of_the_page_takes_what_is_genuine_and_nothing_else(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = unused_port()
    genuine, forged = [await hooks.add(f"http://127.0.0.1:{port}/hook", "raid") for _ in range(2)]
    monkeypatch.setenv("WEBHOOK_SECRET", genuine["secret"])
    code: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0], code)
    async with TestServer(code["app"], host="127.0.0.1", port=port):
        for webhook in (genuine, forged):
            await hooks.call("POST", f"/me/webhooks/{webhook['id']}/ping")
        await hooks.run()
    assert [one["status"] for one in await hooks.deliveries(genuine)] == [204]
    assert [one["status"] for one in await hooks.deliveries(forged)] == [403]
    assert capsys.readouterr().out.startswith("ping ")


def test_the_page_says_which_events_are_sent_today() -> None:
    today, _, later = PAGE.read_text().partition("| sent today |")[2].partition("\n\n")
    sent = {kind.name for kind in SENT}
    named = set(re.findall(r"`([a-z]+\.[a-z]+|raid|ping)`", today))
    assert named == sent
    assert set(re.findall(r"`([a-z]+\.[a-z]+)`", later)) == set(EVENTS) - sent
