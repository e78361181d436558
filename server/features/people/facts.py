"""The durable facts of people and their accounts. They hold ids and no names, since they outlive what they tell of."""

from __future__ import annotations

import datetime as dt

from storage.facts import Fact


class AccountCreated(Fact, frozen=True, kw_only=True, tag="account.created"):
    person_id: str


class ProfileChanged(Fact, frozen=True, kw_only=True, tag="profile.changed"):
    """What the person says of themselves is another thing now."""

    person_id: str


class BirthDateChanged(Fact, frozen=True, kw_only=True, tag="birth_date.changed"):
    """The person has given it, or an admin has corrected it."""

    person_id: str


class AccountDeleted(Fact, frozen=True, kw_only=True, tag="account.deleted"):
    """The person has asked for the deletion. It is hidden, and wiped when the days of grace are over."""

    person_id: str


class AccountRestored(Fact, frozen=True, kw_only=True, tag="account.restored"):
    """The person has signed in within the days of grace: the deletion is taken back."""

    person_id: str


class AccountSuspended(Fact, frozen=True, kw_only=True, tag="account.suspended"):
    """An admin has suspended the person, or has set another end of the suspension."""

    person_id: str
    until: dt.datetime


class FollowChanged(Fact, frozen=True, kw_only=True, tag="follow.changed"):
    """``follower_id`` follows ``followee_id`` from now on, or does no longer. A repeated call changes nothing.

    ``is_approved``: the follower had asked, and the owner of the private account has let them in.
    """

    follower_id: str
    followee_id: str
    is_following: bool
    is_approved: bool = False


class FollowRequestChanged(Fact, frozen=True, kw_only=True, tag="follow_request.changed"):
    """``follower_id`` waits for an answer of ``followee_id``, whose account is private, or does no longer. An approval
    is a ``FollowChanged`` instead.
    """

    follower_id: str
    followee_id: str
    is_waiting: bool


class BlockChanged(Fact, frozen=True, kw_only=True, tag="block.changed"):
    """``person_id`` blocks ``other_id`` from now on, or does no longer."""

    person_id: str
    other_id: str
    is_blocking: bool


class MuteChanged(Fact, frozen=True, kw_only=True, tag="mute.changed"):
    """``person_id`` mutes ``other_id`` from now on, or does no longer."""

    person_id: str
    other_id: str
    is_muting: bool
