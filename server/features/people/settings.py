"""The settings of people and their accounts."""

from __future__ import annotations

from pydantic import BaseModel, Field


class PeopleSettings(BaseModel):
    require_verified_email: bool = Field(False, description="only people with a verified address may write and go live")
    deletion_grace_days: int = Field(
        30,
        ge=0,
        le=3_650,
        description="days in which signing in takes a deletion back; 0 wipes an account at once",
    )
    signing_key_days: int = Field(
        30, ge=1, le=3_650, description="age in days at which the key of access tokens is replaced"
    )
    name_reserved_days: int = Field(
        90, ge=0, le=36_500, description="days that nobody gets the username of an account that was wiped"
    )
    secrets_key: str | None = Field(
        None,
        repr=False,
        min_length=32,
        max_length=1_024,
        description="key that secrets of second factors and stream keys of other servers are encrypted with, the same "
        "on all nodes; default: one in Postgres. Without it they are lost",
    )
    other_secrets_key: str | None = Field(
        None,
        repr=False,
        min_length=32,
        max_length=1_024,
        description="opens what was encrypted with it, besides secrets_key, and encrypts nothing: the next key until "
        "all nodes have it, then the one before",
    )
    max_ties_per_hour: int = Field(
        1_000, ge=1, description="follows, blocks and mutes of one account in an hour; a third of it at once"
    )
    max_ties: int = Field(
        10_000, ge=1, le=100_000, description="people whom one account follows, blocks and mutes, each at most"
    )
    max_follow_requests: int = Field(
        5_000, ge=1, le=50_000, description="people who wait for the answer of one private account at most"
    )
    max_hidden_words: int = Field(
        200, ge=1, le=1_000, description="words that one account hides from what it reads at most"
    )
    max_profile_changes_per_hour: int = Field(
        300, ge=1, description="changes of one account's profile in an hour; a third of it at once"
    )
    export_pause_hours: int = Field(
        24, ge=0, le=8_760, description="hours between two archives of one account's data; 0: as often as it likes"
    )
    export_kept_days: int = Field(7, ge=1, le=90, description="days that an archive of an account's data is kept")
    max_exports_per_hour: int = Field(
        20, ge=1, description="exports of one account's data in an hour; a third of it at once"
    )
