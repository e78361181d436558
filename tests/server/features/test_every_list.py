"""What holds for every list over REST: a person who may not be seen is in none.

Each operation of ``install()`` that answers ``items`` is in ``LISTS``: walked, with the paths by which eve would find
ada, or exempt, with the reason. A new one fails ``test_every_list_is_classified`` until it is there.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest

from server.feature import Feature
from server.http.operation import Operation
from storage.stream import Streams, new_stream_key
from storage.stream_rows import NewStream
from tests.server.kit import Kit
from tests.server.served import PASSWORD, Served

IDS: Final = {name: str(UUID(int=n)) for n, name in enumerate(("clip", "other_clip", "room"), start=900)}


@dataclass(frozen=True)
class Walked:
    """``paths``: under ``/api/v1``; ``{ada_stream}`` and so on are filled in. ``private``: those of them that show what
    a private account keeps from strangers; ``mute``: those that leave out who is muted.
    """

    paths: tuple[str, ...]
    private: tuple[str, ...] = ()
    mute: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exempt:
    reason: str


def walked(*paths: str) -> Walked:
    return Walked(paths)


def notices(*paths: str) -> Walked:
    """What is shown unasked, so without who is muted."""
    return Walked(paths, mute=paths)


def posts(*paths: str, others: tuple[str, ...] = ()) -> Walked:
    """Lists of posts, with ``others``."""
    return Walked((*others, *paths), private=paths, mute=paths)


MINE: Final = Exempt("one's own things, which name nobody else")
OPERATORS: Final = Exempt("for admins, who see everybody")
TIES: Final = Exempt("one's own ties, to be taken back")
MODERATORS: Final = Exempt("for the moderators of a room, who decide about everybody in it")
NAMELESS: Final = Exempt("of a stream that one may watch, and names nobody")
MEMBERS_OF_PROJECT: Final = Exempt("for the members of a project, and names nobody but whom they gave a task to")

LISTS: Final[dict[str, Walked | Exempt]] = {
    "listAssistantConversations": MINE,
    "listAssistantMessages": MINE,
    "listAssistantPeople": OPERATORS,
    "listSessions": MINE,
    "listMyWorks": MINE,
    "listMyMatches": Exempt("of one's own works and media: a block ends no claim, which both sides see"),
    "listPasskeys": MINE,
    "listLinks": MINE,
    "listTokens": MINE,
    "listWebhooks": MINE,
    "listDeliveries": MINE,
    "listMyRestreams": MINE,
    "listRestreams": MINE,
    "listMyRewards": MINE,
    "listMyEmotes": MINE,
    "listExports": MINE,
    "listMyVideos": MINE,
    "listVideoCaptions": Exempt("of a video that one may watch, and names nobody"),
    "listVideosOfPerson": walked("/users/ada/videos"),
    "listProjects": MINE,
    "listProjectMembers": walked("/projects/{project}/members"),
    "listTasks": MEMBERS_OF_PROJECT,
    "listDocuments": MEMBERS_OF_PROJECT,
    "listDocumentComments": walked("/documents/{document}/comments"),
    "listDocumentVersions": MEMBERS_OF_PROJECT,
    "listCourses": walked("/courses?q=zebra"),
    "listMyCourses": walked("/me/courses"),
    "listLessons": NAMELESS,
    "listCohorts": NAMELESS,
    "listCohortMembers": walked("/cohorts/{cohort}/members"),
    "listMyBadges": MINE,
    "listGoals": MINE,
    "getOverlayGoals": MINE,
    "readChannel": MINE,
    "listEdits": Exempt("of one post, for those who may read it"),
    "listBookmarkFolders": MINE,
    "listDrafts": MINE,
    "listScheduledPosts": MINE,
    "listPushSubscriptions": MINE,
    "listNotificationDeliveries": OPERATORS,
    "listReplies": posts("/posts/{bob_post}/replies"),
    "listQuotes": posts("/posts/{bob_post}/quotes"),
    "listPostsOfUser": Walked(("/users/ada/posts",), private=("/users/ada/posts",)),
    "listBookmarks": walked("/me/bookmarks"),
    "listFollowedHashtags": MINE,
    "listHashtagsForReview": OPERATORS,
    "listTrendingForReview": OPERATORS,
    "listTrending": Walked(("/trending?kind=posts", "/trending?kind=people"), private=("/trending?kind=posts",)),
    "listRecommendations": notices("/recommendations?kind=posts", "/recommendations?kind=people"),
    "myAnalytics": MINE,
    "serverAnalytics": OPERATORS,
    "listModels": OPERATORS,
    "listExperiments": OPERATORS,
    "listTrends": Exempt("tags, which name nobody"),
    "getHashtag": posts("/hashtags/zebra"),
    "listCommunities": Exempt("communities, which name nobody"),
    "listMembers": walked("/communities/walkers/members"),
    "listMembershipRequests": MODERATORS,
    "listCommunityBans": MODERATORS,
    "listModeratorActs": MODERATORS,
    "listEventsOfCommunity": walked("/communities/walkers/events"),
    "listAttendees": walked("/communities/walkers/events/{event}/attendance"),
    "listPostsOfCommunity": posts("/communities/walkers/posts"),
    "listCases": MODERATORS,
    "listAppeals": MODERATORS,
    "listTemplates": MODERATORS,
    "listMyReports": MINE,
    "listMyStrikes": MINE,
    "getFeed": posts("/feed?kind=explore&order=latest"),
    "listPeople": OPERATORS,
    "listListings": walked("/listings"),
    "listReviews": walked("/listings/{listing}/reviews"),
    "listOffers": walked("/offers", "/offers?near=10,10&radius_km=5"),
    "listTickets": Exempt("one's own, and to agents everybody's, who answer them all"),
    "listTicketNotes": Exempt("among agents"),
    "searchHelp": Exempt("articles, which name nobody"),
    "listOrders": Exempt("one's own, with whom one deals"),
    "listMacros": Exempt("for agents, who share them; they name nobody"),
    "listDisputedOrders": MODERATORS,
    "listMyTransfers": MINE,
    "listTransfers": OPERATORS,
    "listPayments": OPERATORS,
    "listCampaigns": MINE,
    "getAdEarnings": MINE,
    "listCreatives": MINE,
    "listCreativesToJudge": OPERATORS,
    "listReconciliations": OPERATORS,
    "listPayouts": MINE,
    "listPoolStatements": MINE,
    "listPoolMonths": OPERATORS,
    "listSplits": Exempt("contracts in which one has a part, with who has the others"),
    "listSubscriptions": Exempt("one's own, with whose tier it is"),
    "listSubscribers": Exempt("who has paid, to who was paid"),
    "listStripeEvents": OPERATORS,
    "listMyTips": Exempt("who has paid, to who was paid"),
    "listTipsOf": walked("/streams/{bob_stream}/tips"),
    "listAudit": OPERATORS,
    "listMails": OPERATORS,
    "listLeftovers": OPERATORS,
    "listJobs": OPERATORS,
    "listFactsAside": OPERATORS,
    "listFollowRequests": TIES,
    "listBlocks": TIES,
    "listMutes": TIES,
    "listUnbanRequests": MODERATORS,
    "listRedemptions": MODERATORS,
    "listConversations": Exempt("conversations that one is in, whose history stays one's own"),
    "getShelf": NAMELESS,
    "listMarkers": NAMELESS,
    "listHighlights": NAMELESS,
    "listStreamMetadata": NAMELESS,
    "listPolls": NAMELESS,
    "listPredictions": NAMELESS,
    "listRewardsOf": NAMELESS,
    "listEmotesOf": NAMELESS,
    "listBadgesOf": NAMELESS,
    "listFollowers": walked("/users/bob/followers"),
    "listFollowing": walked("/users/bob/following"),
    "listClips": walked("/streams/{bob_stream}/clips", "/streams/{ada_stream}/clips"),
    "listClipsOfPerson": walked("/users/bob/clips", "/users/ada/clips"),
    "leaderboard": walked("/chat/rooms/{room}/leaderboard?period=all"),
    "listNotifications": notices("/notifications"),
    "listReminders": Exempt("streams that one asked for, those that one may know of now (test_notifications)"),
    "search": posts(
        "/search?q=zebra&kind=posts",
        others=("/search?q=ada&kind=people", "/search?q=zebra&kind=streams", "/search?q=zebra&kind=videos"),
    ),
    "suggest": notices("/search/suggest?q=ad"),
}


def is_list(operation: Operation) -> bool:
    fields = getattr(operation.answers.get(200), "model_fields", {})
    return operation.method == "GET" and "items" in fields


def lists_of(features: list[Feature]) -> dict[str, Operation]:
    return {one.name: one for feature in features for one in feature.operations if is_list(one)}


def test_every_list_is_classified(kit: Kit) -> None:
    there = set(lists_of(list(kit.install().features)))
    assert sorted(there - set(LISTS)) == [], "say in LISTS how the list leaves out who may not be seen, or why not"
    assert sorted(set(LISTS) - there) == [], "these lists are no more"


@dataclass
class Scene:
    """Ada has done something that each walked list shows to eve; bob is somebody else's neighbour."""

    kit: Kit
    served: Served
    tokens: dict[str, str]
    ids: dict[str, str]
    places: dict[str, str]

    async def act(self, who: str, method: str, path: str, **options: Any) -> Any:
        status, answer = await self.served.call(method, path, token=self.tokens[who], **options)
        assert status < 300, (path, answer)
        return answer.get("post", answer) if answer else None

    async def settle(self) -> None:
        """As readers and workers do, but for pushes to timelines, which lie in Redis."""
        features = [one for one in self.kit.install().features if one.name != "feed"]
        await self.kit.read_facts(features)
        await self.kit.run_jobs(features)

    async def shown(self, path: str) -> bool:
        """Whether eve finds ada in the list."""
        status, page = await self.served.call("GET", path.format(**self.places), token=self.tokens["eve"])
        assert status in (200, 403, 404), (path, status, page)
        text = json.dumps(page.get("items", []) if status == 200 else [])
        return self.ids["ada"] in text or '"ada"' in text or "zebra" in text

    async def finding(self, paths: list[str]) -> list[str]:
        """Those of the paths by which eve finds ada."""
        return [path for path in paths if await self.shown(path)]


async def _stream(kit: Kit, owner_id: str, title: str) -> tuple[str, str]:
    ids, now = kit.platform().ids, datetime.now(UTC).timestamp()
    new = NewStream(
        id=ids.uuid7(now), room_id=ids.uuid7(now), owner_id=owner_id, title=title, stream_key=new_stream_key(),
        log_epoch="e",
    )  # fmt: skip
    await Streams(db=kit.database).create(new)
    return new.id, new.room_id


TIP: Final = """
insert into tips (id, stream_id, person_id, owner_id, amount, currency, message, state, is_test, created_at, paid_at)
values (gen_random_uuid(), $1, $2, $3, 1, 'USD', 'zebra', 'succeeded', true, now(), now())
"""
CLIP: Final = """
insert into clips (id, stream_id, room_id, owner_id, creator_id, title, visibility, from_ms, to_ms, file, has_thumbnail)
values ($1, $2, $3, $4, $5, 'zebra', 'public', 0, 1, '{"size": 1, "renditions": []}', false)
"""
VIDEO: Final = """
insert into videos (id, owner_id, title, state, edition, created_at) values ($1, $2, 'zebra', 'ready', 1, now())
"""
LISTING: Final = """
insert into market_listings
    (id, seller_id, title, description, category, search, price, currency, shipping, stock, created_at)
values ($1, $2, 'x', '', '', 'x', 1, 'USD', 0, 1, now())
"""
OFFER: Final = """
insert into local_offers
    (id, owner_id, kind, title, text, search, lat, lon, precision_km, place_name, expires_at, created_at)
values ($1, $1, 'help', 'x', '', 'x', 10, 10, 1, '', now() + interval '2 days', now())
"""
REVIEW: Final = """
with bought as (
    insert into market_orders (id, listing_id, buyer_id, seller_id, payment_id, title, quantity, price, shipping,
        amount, currency, is_test, state, deliver_to, created_at)
    values ($1, $1, $3, $2, $1, 'x', 1, 1, 0, 1, 'USD', true, 'received', '', now()) returning id)
insert into market_reviews (id, listing_id, author_id, stars, text, created_at)
select id, id, $3, 5, 'x', now() from bought
"""
MESSAGE: Final = """
insert into chat_messages (room_id, "offset", id, user_id, client_id, text, sent_at)
values ($1, 1, $1, $2, 'c', 'x', now())
"""


async def _scene(kit: Kit, served: Served) -> Scene:
    await kit.database.execute("truncate search_documents, search_words, search_names, search_due, search_filling")
    tokens, ids = {}, {}
    for name in ("ada", "bob", "eve"):
        body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        _, made = await served.call("POST", "/auth/register", json=body)
        tokens[name], ids[name] = made["access_token"], made["user"]["id"]
    bob_stream, bob_room = await _stream(kit, ids["bob"], "A walk")
    ada_stream, ada_room = await _stream(kit, ids["ada"], "zebra")
    await kit.database.execute(CLIP, IDS["clip"], bob_stream, bob_room, ids["bob"], ids["ada"])
    await kit.database.execute(CLIP, IDS["other_clip"], ada_stream, ada_room, ids["ada"], ids["bob"])
    await kit.database.execute(VIDEO, IDS["clip"], ids["ada"])
    await kit.database.execute(MESSAGE, bob_room, ids["ada"])
    await kit.database.execute(TIP, bob_stream, ids["ada"], ids["bob"])
    await kit.database.execute(LISTING, IDS["clip"], ids["ada"])
    await kit.database.execute(LISTING, IDS["other_clip"], ids["bob"])
    await kit.database.execute(OFFER, ids["ada"])
    await kit.database.execute(REVIEW, IDS["other_clip"], ids["bob"], ids["ada"])
    places = {"bob_stream": bob_stream, "ada_stream": ada_stream, "room": bob_room, "listing": IDS["other_clip"]}
    scene = Scene(kit, served, tokens, ids, places)
    for who, whom in (("ada", "bob"), ("bob", "ada"), ("ada", "eve")):
        await scene.act(who, "PUT", f"/users/{whom}/follow")
    post = await scene.act("ada", "POST", "/posts", json={"text": "zebra #zebra"})
    places["bob_post"] = (await scene.act("bob", "POST", "/posts", json={"text": "A walk"}))["id"]
    for answer in ("reply_to", "quote_of"):
        await scene.act("ada", "POST", "/posts", json={"text": "zebra", answer: places["bob_post"]})
    await scene.act("eve", "PUT", f"/posts/{post['id']}/bookmark")
    await scene.act("bob", "POST", "/communities", json={"name": "walkers", "title": "Walkers"})
    await scene.act("ada", "PUT", "/communities/walkers/membership")
    await scene.act("ada", "POST", "/posts", json={"text": "zebra", "community": "walkers"})
    await scene.act("bob", "PATCH", "/communities/walkers/members/ada", json={"role": "moderator"})
    event = {"title": "A walk", "starts_at": "2030-05-01T10:00:00Z"}
    places["event"] = (await scene.act("ada", "POST", "/communities/walkers/events", json=event))["event"]["id"]
    await scene.act("ada", "PUT", f"/communities/walkers/events/{places['event']}/attendance")
    course = (await scene.act("ada", "POST", "/courses", json={"title": "zebra"}))["course"]
    await scene.act("eve", "PUT", f"/courses/{course['id']}/enrolment")
    walk = (await scene.act("bob", "POST", "/courses", json={"title": "A walk"}))["course"]["id"]
    begins = {"title": "A walk", "starts_at": "2030-05-01T10:00:00Z"}
    places["cohort"] = (await scene.act("bob", "POST", f"/courses/{walk}/cohorts", json=begins))["cohort"]["id"]
    for who in ("ada", "eve"):
        await scene.act(who, "PUT", f"/courses/{walk}/enrolment")
        await scene.act(who, "PUT", f"/cohorts/{places['cohort']}/members/{who}")
    project = (await scene.act("bob", "POST", "/projects", json={"title": "A walk"}))["project"]
    places["project"] = project["id"]
    for who in ("ada", "eve"):
        await scene.act("bob", "PUT", f"/projects/{project['id']}/members/{who}")
    made = await scene.act("bob", "POST", f"/projects/{project['id']}/documents", json={"title": "A walk"})
    places["document"] = made["document"]["id"]
    await scene.act("ada", "POST", f"/documents/{places['document']}/comments", json={"text": "zebra"})
    [search] = [one for one in kit.install().features if one.name == "search"]
    await scene.settle()
    await kit.run_schedule(search, "search.fill")
    return scene


Change = Callable[[Scene], Awaitable[Any]]


async def _blocked(scene: Scene) -> None:
    await scene.act("ada", "PUT", "/users/eve/block")


async def _blocks(scene: Scene) -> None:
    await scene.act("eve", "PUT", "/users/ada/block")


async def _muted(scene: Scene) -> None:
    await scene.act("eve", "PUT", "/users/ada/mute")


async def _private(scene: Scene) -> None:
    await scene.act("ada", "PATCH", "/me", json={"private": True})


def _set(column: str) -> Change:
    return lambda scene: scene.kit.database.execute(
        f"update users set {column} = now() + interval '1 day' where id = $1", scene.ids["ada"]
    )


@pytest.mark.parametrize(
    ("change", "paths_of"),
    [
        pytest.param(_blocked, lambda one: one.paths, id="who has blocked me"),
        pytest.param(_blocks, lambda one: one.paths, id="whom I block"),
        pytest.param(_set("suspended_until"), lambda one: one.paths, id="who is suspended"),
        pytest.param(_set("deleted_at"), lambda one: one.paths, id="who has deleted the account"),
        pytest.param(_muted, lambda one: one.mute, id="whom I mute"),
        pytest.param(_private, lambda one: one.private, id="what a private account keeps for followers"),
    ],
)
async def test_no_list_shows(kit: Kit, change: Change, paths_of: Callable[[Walked], tuple[str, ...]]) -> None:
    async with kit.serve() as served:
        scene = await _scene(kit, served)
        paths = [path for one in LISTS.values() if isinstance(one, Walked) for path in paths_of(one)]
        assert paths
        assert await scene.finding(paths) == paths, "ada is to be found by each path first"
        await change(scene)
        await scene.settle()
        assert await scene.finding(paths) == []
