"""What links to a person's page show, and where its feed is."""

from __future__ import annotations

from collections.abc import Mapping

from server.feature import Feature, Platform
from server.features.people.profiles import Profiles
from server.http.errors import Problem
from server.http.previews import Preview


def build(platform: Platform) -> Feature:
    previews = ProfilePreviews(profiles=Profiles(database=platform.db))
    return Feature(name="profile_previews", previews={"/@{username}": previews.of})


class ProfilePreviews:
    def __init__(self, *, profiles: Profiles) -> None:
        self._profiles = profiles

    async def of(self, path: Mapping[str, str]) -> Preview | None:
        """Of the person whom ``path`` names by ``username``, as a guest may know of them."""
        try:
            profile = await self._profiles.of(path["username"], viewer=None)
        except Problem:
            return None
        page = f"/@{profile.username}"
        return Preview(
            title=profile.display_name or profile.username,
            path=page,
            author=page[1:],
            author_path=page,
            description=profile.bio,
            image=profile.avatar_url,
            feed=None if profile.private else f"/api/v1/users/{profile.username}/feed.xml",
            kind="profile",
        )
