"""What rows say of persons' pictures."""

from __future__ import annotations

from typing import Final

AVATAR_URL: Final = "case when u.suspended_until > now() then null else u.avatar_url end as avatar_url"
BANNER_URL: Final = "case when u.suspended_until > now() then null else u.banner_url end as banner_url"
"""Columns of ``users u``: pictures of a suspended person are shown to nobody."""
