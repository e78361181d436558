"""What people show of themselves: names, words, links."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from server.features.people.confusables import USERNAME_SKELETON, skeleton
from server.features.people.profiles import ProfileChange
from server.http.previews import head_of
from tests.server.conftest import ApiFixture


async def test_profile_is_found_in_any_case_and_shows_no_address(api: ApiFixture) -> None:
    await api.register("Ada")
    answer = await api.client.get("/api/v1/users/aDA")
    assert answer.status == 200
    profile = await answer.json()
    assert profile["username"] == "Ada"
    assert profile["viewer"] is None
    assert "email" not in profile


async def test_profile_of_nobody_is_a_404(api: ApiFixture) -> None:
    for name in ("nobody", "x", "a-b", "%00", "%ff", "a" * 500):
        answer = await api.client.get(f"/api/v1/users/{name}")
        assert (answer.status, answer.content_type) == (404, "application/problem+json"), name


async def test_a_link_to_a_profile_is_previewed_and_names_its_feed_unless_the_account_is_private(
    api: ApiFixture,
) -> None:
    ada = await api.register("ada")
    await ada.ask("PATCH", "/me", json={"display_name": "Ada <3", "bio": "Engines"})
    (feature,) = [one for one in api.kit.install().features if one.name == "profile_previews"]
    preview_of = feature.previews["/@{username}"]
    found = await preview_of({"username": "ADA"})
    assert found is not None
    head = head_of(found, origin="https://live.test", site_name="Social Flow")
    assert 'property="og:title" content="Ada &lt;3"' in head
    feed = '<link rel="alternate" type="application/rss+xml" href="https://live.test/api/v1/users/ada/feed.xml"'
    assert feed in head
    await ada.ask("PATCH", "/me", json={"private": True})
    private = await preview_of({"username": "ada"})
    assert private is not None
    assert feed not in head_of(private, origin="https://live.test", site_name="Social Flow")
    assert await preview_of({"username": "nobody"}) is None


async def test_patch_changes_only_what_is_given(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await ada.ask("PATCH", "/me", json={"display_name": "Ada Lovelace", "bio": "Engines"})
    me = await (await ada.ask("PATCH", "/me", json={"bio": "Poetry"})).json()
    assert (me["display_name"], me["bio"]) == ("Ada Lovelace", "Poetry")
    me = await (await ada.ask("PATCH", "/me", json={"display_name": "", "bio": ""})).json()
    assert (me["display_name"], me["bio"]) == ("ada", "")


async def test_links_of_a_profile_are_kept_in_their_order_and_once(api: ApiFixture) -> None:
    ada = await api.register("ada")
    first, second = "https://ada.example/notes?page=1#top", "http://blog.ada.example:8080"
    assert (await (await ada.ask("GET", "/me")).json())["links"] == []
    assert (await ada.ask("PATCH", "/me", json={"links": [first, second, first]})).status == 200
    await ada.ask("PATCH", "/me", json={"bio": "Engines"})
    profile = await (await api.client.get("/api/v1/users/ada")).json()
    assert profile["links"] == [first, second]
    held = await (await ada.ask("GET", "/me/export")).json()
    assert held["profile"]["links"] == [first, second]


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "ftp://ada.example",
        "https://",
        "https://bank.example@evil.example",
        "https://ada.example/\u202egnp",
        'https://ada.example/"onclick',
        "https://ada.example/" + "x" * 300,
        7,
    ],
)
def test_what_is_no_plain_web_address_is_no_link(link: object) -> None:
    with pytest.raises(ValidationError) as refused:
        ProfileChange.model_validate({"links": ["https://ada.example", link]})
    assert [one["loc"] for one in refused.value.errors()] == [("links", 1)]


async def test_profile_of_a_suspended_person_is_hidden_while_they_are(api: ApiFixture) -> None:
    ada = await api.register("ada")
    for until, status in (("now() + interval '1 day'", 404), ("now() - interval '1 s'", 200)):
        await api.database.execute(f"update users set suspended_until = {until} where id = $1", ada.id)
        assert (await api.client.get("/api/v1/users/ada")).status == status


async def test_patch_of_what_cannot_be_is_a_422(api: ApiFixture) -> None:
    ada = await api.register("ada")
    for change in ({"display_name": "x" * 51}, {"bio": "x" * 501}, {"bio": None}, {"username": "eve"}):
        assert (await ada.ask("PATCH", "/me", json=change)).status == 422, change


def test_a_profile_has_at_most_five_links() -> None:
    links = [f"https://ada.example/{number}" for number in range(6)]
    assert ProfileChange(links=links[:5]).links == links[:5]
    with pytest.raises(ValidationError):
        ProfileChange(links=links)


ALIKE = ("victim", "VICTIM", "v\u0456ctim", "v1ctim", "vic\u200btim", "@victim", "admin", "\u0430dmin", "\u200fadmin")


async def test_display_name_that_reads_as_anothers_username_or_a_reserved_one_is_a_409(api: ApiFixture) -> None:
    await api.register("victim")
    ada = await api.register("ada")
    for name in ALIKE:
        answer = await ada.ask("PATCH", "/me", json={"display_name": name})
        assert answer.status == 409, name
        assert [one["field"] for one in (await answer.json())["errors"]] == ["display_name"]
    assert (await (await ada.ask("GET", "/me")).json())["display_name"] == "ada"


async def test_display_name_may_be_ones_own_username_and_one_that_stood_before_stays(api: ApiFixture) -> None:
    ada = await api.register("ada")
    for name in ("ADA", "\u0430da", "Bob"):
        assert (await ada.ask("PATCH", "/me", json={"display_name": name})).status == 200
    await api.register("bob")
    answer = await ada.ask("PATCH", "/me", json={"display_name": "Bob", "bio": "since long ago"})
    assert answer.status == 200


async def test_display_name_that_shows_nothing_is_the_username(api: ApiFixture) -> None:
    ada = await api.register("ada")
    for name in ("\u3164", "\u200b", "\u2060", "\u00ad", "\ufeff", "\u2800", "\U000e0041"):
        await ada.ask("PATCH", "/me", json={"display_name": "Bob"})
        assert (await (await ada.ask("PATCH", "/me", json={"display_name": name})).json())["display_name"] == "ada"


async def test_skeletons_of_usernames_are_the_same_in_sql(api: ApiFixture) -> None:
    for name in ("Illinois_10", "barn_Rrn", "o0Oo", "moderna1"):
        await api.register(name)
    rows = await api.database.fetch(f"select username, {USERNAME_SKELETON} as alike from users")
    assert {row["username"]: row["alike"] for row in rows} == {
        row["username"]: skeleton(row["username"]) for row in rows
    }


async def test_pronouns_are_shown_until_they_are_changed(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    assert (await (await ada.ask("GET", "/me")).json())["pronouns"] == ""
    assert (await (await ada.ask("PATCH", "/me", json={"pronouns": " she/her "})).json())["pronouns"] == "she/her"
    await ada.ask("PATCH", "/me", json={"bio": "Engines"})
    assert (await (await bob.ask("GET", "/users/ada")).json())["pronouns"] == "she/her"
    assert (await ada.ask("PATCH", "/me", json={"pronouns": "x" * 41})).status == 422
