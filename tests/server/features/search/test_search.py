"""People, streams and clips are found by their words, by those who may see them."""

from __future__ import annotations

import pytest

from tests.server.features.search.conftest import Found

MADRASA = "\u0648\u0627\u0644\u0645\u062f\u0631\u0633\u0629"
ARABIC = "\u0628\u062b \u0645\u0646 \u0645\u064e\u062f\u0631\u0633\u0647 \u0627\u0644\u0642\u0631\u064a\u0629"


async def test_words_prefixes_and_typos_are_found_in_every_kind(found: Found) -> None:
    ada = await found.person("ada_lovelace")
    await found.stream(ada, "Photography by night", tags=("long exposure",))
    await found.stream(ada, ARABIC)
    await found.index()
    for q in (
        "photography",
        "Photo",
        "PHOTOGRAPHYS",
        "photograpy",
        "hpotography",
        "night photography",
        "#long_exposure",
    ):
        assert await found.names(q, kind="streams") == ["Photography by night"], q
    assert await found.names(MADRASA, kind="streams") == [ARABIC]
    for q in ("ada_lovelace", "@ada_lovelace", "lovel", "lovelase"):
        assert await found.names(q, kind="people") == ["ada_lovelace"], q
    assert await found.names("photography lovelace") == ["Photography by night"]
    assert await found.names("photography zebra") == []


async def test_what_changes_or_goes_is_found_no_longer(found: Found) -> None:
    ada = await found.person("ada")
    await found.stream(ada, "Chess")
    assert await ada.call("PATCH", "/me", json={"display_name": "Countess Zelda"})
    await found.index()
    assert await found.names("countess", kind="people") == ["ada"]
    await ada.call("PATCH", "/me", json={"display_name": "Ada", "bio": "Engines"})
    await found.index()
    assert await found.names("countess", kind="people") == []
    assert await found.names("engines", kind="people") == ["ada"]
    await found.kit.database.execute("delete from streams")
    assert await found.names("chess", kind="streams") == []
    await found.kit.database.execute("update users set deleted_at = now()")
    assert await found.names("engines", kind="people") == []


async def test_blocks_suspensions_and_visibility_hold(found: Found) -> None:
    ada, bob = await found.person("ada"), await found.person("bob")
    await found.stream(ada, "Open chess")
    await found.stream(ada, "Chess for followers", visibility="followers")
    await found.stream(ada, "Hidden chess", visibility="unlisted")
    await found.index()
    assert await found.names("chess", kind="streams") == ["Open chess"]
    assert sorted(await found.names("chess", by=ada, kind="streams")) == ["Chess for followers", "Open chess"]
    await bob.call("PUT", "/users/ada/follow")
    assert sorted(await found.names("chess", by=bob, kind="streams")) == ["Chess for followers", "Open chess"]
    [person] = (await found.page("ada", by=bob, kind="people"))["items"]
    assert person["following"] is True
    for blocker, other in ((ada, bob), (bob, ada)):
        await blocker.call("PUT", f"/users/{other.username}/block")
        assert await found.names("chess", by=bob, kind="streams") == []
        assert await found.names("ada", by=bob, kind="people") == []
        assert await found.names("bob", by=ada, kind="people") == []
        assert await found.suggested("ad", by=bob) == []
        await blocker.call("DELETE", f"/users/{other.username}/block")
    await found.kit.database.execute("update users set suspended_until = 'infinity' where username = 'ada'")
    assert await found.names("ada", kind="people") == []
    assert await found.suggested("ad") == []
    assert await found.names("chess", by=bob, kind="streams") == []


async def test_pages_hold_everybody_once_in_the_order_of_popularity(found: Found) -> None:
    people = [await found.person(f"walker{n}") for n in range(6)]
    for n, person in enumerate(people):
        for follower in people[:n]:
            await follower.call("PUT", f"/users/{person.username}/follow")
    await found.index()
    await found.kit.run_schedule(found.feature, "search.refresh")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await found.page("walker", kind="people", limit="2", **cursor)
        seen += [one["username"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [f"walker{n}" for n in (5, 4, 3, 2, 1, 0)]
    assert await found.names("walker3", kind="people") == ["walker3"]


async def test_people_whom_one_follows_are_suggested_first_then_others_hashtags_and_words(found: Found) -> None:
    ada, bob = await found.person("ada"), await found.person("chester")
    await found.person("cheryl")
    for n in range(3):
        await (await found.person(f"fan{n}")).call("PUT", "/users/cheryl/follow")
    await ada.call("PUT", "/users/chester/follow")
    await found.stream(bob, "Chess and cheese", tags=("chess",))
    await found.index()
    await found.kit.run_schedule(found.feature, "search.refresh")
    assert await found.suggested("che", by=ada) == ["@chester", "@cheryl", "#chess", "cheese", "chess"]
    assert (await found.suggested("CHE"))[:2] == ["@cheryl", "@chester"]
    assert await found.suggested("some chee") == ["some cheese"]
    assert await found.suggested("@che", by=ada) == ["@chester", "@cheryl"]
    assert await found.suggested("#ch") == ["#chess"]
    await ada.call("PUT", "/users/cheryl/mute")
    assert await found.suggested("@che", by=ada) == ["@chester"]


async def test_whatever_is_asked_gets_an_answer(found: Found) -> None:
    await found.person("ada")
    await found.index()
    signs = ["", " ", "'):*&|!", "<->", "a' | 'b", "\u202e\u200f", "\\", "%", "((((", "!" * 200, "#", "@", "_"]
    for q in (*signs, "x" * 200, "a " * 100, "zz " * 66, "\u0627" * 200, "\u6771" * 200, "e\u0301" * 100):
        assert (await found.page(q))["items"] == [], q
        await found.suggested(q)


@pytest.mark.parametrize("query", ["q=%00", f"q={'x' * 201}", "kind=people", "q=a&kind=none", "q=a&cursor=x"])
async def test_what_cannot_be_asked_is_refused(found: Found, query: str) -> None:
    assert (await found.served.call("GET", f"/search?{query}"))[0] == 422


async def test_a_forged_cursor_is_a_place_as_any(found: Found) -> None:
    await found.person("ada")
    await found.index()
    for cursor in ("f" * 7 + "_" + "_" * 24, "A" * 32, "_" * 32):
        status, _ = await found.served.call("GET", f"/search?q=ada&kind=people&cursor={cursor}")
        assert status in (200, 422), cursor


async def test_an_index_that_was_lost_is_made_anew(found: Found) -> None:
    ada = await found.person("ada")
    await found.stream(ada, "Chess")
    await found.index()
    words = await found.kit.database.fetch("select * from search_words order by lexeme")
    await found.kit.database.execute(
        "truncate search_documents, search_words, search_names, search_due, search_filling"
    )
    assert await found.names("chess") == []
    await found.kit.run_schedule(found.feature, "search.fill")
    assert await found.names("chess") == ["Chess"]
    assert await found.names("ada", kind="people") == ["ada"]
    assert await found.kit.database.fetch("select * from search_words order by lexeme") == words
    await found.kit.run_schedule(found.feature, "search.fill")
    assert await found.kit.database.fetch("select * from search_words order by lexeme") == words


async def test_words_of_many_documents_are_walked_and_paged_without_repeats(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.features.discovery.search.searching.MOST_LOOKED_UP", 3)
    ada = await found.person("ada")
    made = {await found.stream(ada, f"Chess {'x' * n}") for n in range(7)}
    await found.index()
    first = await found.page("chess", kind="streams", limit="4")
    second = await found.page("chess", kind="streams", limit="4", cursor=first["next"])
    ids = [one["id"] for one in (*first["items"], *second["items"])]
    assert len(ids) == len(set(ids)) == 7
    assert set(ids) == made
    assert second["next"] is None


async def test_posts_are_found_by_those_whom_they_are_for(found: Found) -> None:
    ada, bob = await found.person("ada"), await found.person("bob")
    post = await ada.call("POST", "/posts", json={"text": "Chess tonight #Openings"})
    await ada.call("POST", "/posts", json={"text": "Chess for followers", "visibility": "followers"})
    await ada.call("POST", "/posts", json={"text": "Chess for @bob", "visibility": "mentioned"})
    await found.index()
    assert await found.names("chess", by=bob, kind="posts") == ["Chess tonight #Openings"]
    assert await found.names("#openings", kind="posts") == ["Chess tonight #Openings"]
    assert await found.suggested("#ope") == ["#openings"]
    await bob.call("PUT", "/users/ada/follow")
    assert len(await found.names("chess", by=bob, kind="posts")) == 2
    await bob.call("PUT", "/me/hidden-words", json={"words": [{"text": "followers"}]})
    assert await found.names("chess", by=bob, kind="posts") == ["Chess tonight #Openings"]
    for verb, undo in (("mute", "mute"), ("block", "block")):
        await bob.call("PUT", f"/users/ada/{verb}")
        assert await found.names("chess", by=bob, kind="posts") == []
        await bob.call("DELETE", f"/users/ada/{undo}")
    await ada.call("DELETE", f"/posts/{post.get('id') or post['post']['id']}")
    assert await found.names("openings", kind="posts") == []
    await found.index()
    assert await found.kit.database.fetchval("select posts from search_words where lexeme = '#opening'") in (0, None)
    await ada.call("PATCH", "/me", json={"private": True})
    assert await found.names("chess", kind="posts") == []
