"""Previews of links: fetched by a job, once an address, by a client that reaches public addresses alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from server.features.social.posts.counters import Changes
from server.features.social.posts.open_graph import PageCard, card_of
from server.features.social.posts.preview_pictures import url_of
from server.features.social.posts.texts import first_link_of
from server.jobs import Attempt, Job, Jobs
from server.outbound.http import WebPage
from storage.postgres import Database, Transaction

MAX_PAGE: Final = 256 * 1024
"""Bytes that are read of a page, whatever its size."""
AT_ONCE: Final = 4
FAILED_S: Final = 24 * 3_600.0
"""After this long an address that gave nothing is asked again, for the next post that has it."""

_WANT: Final = """
insert into link_previews (url, fetched_at) values ($1, $2) on conflict (url) do nothing returning url
"""
_AUTHOR: Final = "select author_id from posts where id = $1"
_READY: Final = """
update link_previews set title = $2, description = $3, site_name = $4, image_url = $5, is_ready = true,
    fetched_at = $6 where url = $1
"""
_FORGET: Final = """
delete from link_previews where url in (
    select url from link_previews where not is_ready and fetched_at < $1 order by fetched_at limit 1000)
"""


class Pages(Protocol):
    async def page(self, url: str, max_bytes: int) -> WebPage: ...


class Pictures(Protocol):
    async def fetch(self, url: str) -> str | None: ...
    async def keep(self, tx: Transaction, picture_id: str) -> bool: ...


class FetchPreview(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    post_id: str


class LinkPreviews:
    def __init__(
        self,
        *,
        db: Database,
        jobs: Jobs,
        pages: Pages,
        pictures: Pictures,
        changes: Changes,
        now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._pages = pages
        self._pictures = pictures
        self._changes = changes
        self._now = now
        self.job: Final = Job(
            name="posts.preview", body=FetchPreview, run=self._run, tries=2, at_once=AT_ONCE, timeout_s=60.0
        )

    async def want(self, tx: Transaction, post_id: str, text: str) -> None:
        """Have the first link of a text fetched, unless it was before."""
        url = first_link_of(text)
        if url is not None and await tx.fetchval(_WANT, url, self._now()) is not None:
            await self._jobs.enqueue(tx, self.job, FetchPreview(url=url, post_id=post_id), priority="low")

    async def _run(self, attempt: Attempt[FetchPreview]) -> None:
        card = await self._fetched(attempt.body.url)
        if card is None:
            return
        picture_id = await self._pictures.fetch(card.image_url) if card.image_url is not None else None
        async with attempt.finish() as tx:
            is_kept = picture_id is not None and await self._pictures.keep(tx, picture_id)
            picture = url_of(picture_id) if picture_id is not None and is_kept else None
            await tx.execute(
                _READY, attempt.body.url, card.title, card.description, card.site_name, picture, self._now()
            )
            post_id = attempt.body.post_id
            self._changes.send(tx, post_id, await tx.fetchval(_AUTHOR, post_id), edited=True)

    async def _fetched(self, url: str) -> PageCard | None:
        """None where there is no page, or none that may be reached."""
        try:
            page = await self._pages.page(url, MAX_PAGE)
        except (OSError, TimeoutError):
            return None
        return await asyncio.to_thread(card_of, page.beginning, page.charset, page.url)

    async def forget_failures(self) -> None:
        await self._db.execute(_FORGET, self._now() - timedelta(seconds=FAILED_S))
