"""The nodes of the cluster, asked side by side."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from actors.events import NODE
from actors.runtime import ActorError, Ask, DomainError, Node
from storage.members import Member

ANSWER_S: Final = 1.0

R = TypeVar("R")
log = logging.getLogger("server.cluster")


class NodesAsked:
    """``members``: the cluster's nodes by name. One that does not answer in time is None among the answers."""

    def __init__(self, *, node: Node, members: Callable[[], Mapping[str, Member]], answer_s: float = ANSWER_S) -> None:
        self.members = members
        self._node = node
        self._answer_s = answer_s

    async def ask(self, asks: Mapping[str, Ask[R]]) -> dict[str, R | None]:
        answers: dict[str, R | None] = dict.fromkeys(asks)

        async def ask_one(name: str, ask: Ask[R]) -> None:
            try:
                answer: R = await self._node.ref(NODE, name).ask(ask, timeout_s=self._answer_s)
                answers[name] = answer
            except (ActorError, DomainError) as error:
                log.info("node %s does not answer: %s", name, error)

        await asyncio.gather(*(ask_one(name, ask) for name, ask in asks.items()))
        return answers
