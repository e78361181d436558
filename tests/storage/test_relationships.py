"""What a person is to the owner of a room, read from the real tables."""

from __future__ import annotations

import time

from actors.chat_rules import Relationship
from storage.ids import Ids
from storage.postgres import Database
from storage.relationships import Relationships
from storage.rights import RightsTable
from storage.rooms import insert_room

IDS = Ids()


async def person(db: Database, name: str) -> str:
    person_id = IDS.uuid7(time.time())
    await db.execute(
        "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
        " values ($1, $2, $2, $2, $2, '', $2, $2)",
        person_id,
        name,
    )
    return person_id


async def test_a_relationship_is_of_follows_and_blocks_in_one_direction(db: Database) -> None:
    owner, ann = await person(db, "owner"), await person(db, "ann")
    relationships = Relationships(db=db)
    assert await relationships.relationship(owner_id=owner, user_id=ann) == Relationship()
    await db.execute("insert into follows (follower_id, followee_id) values ($1, $2)", ann, owner)
    await db.execute("insert into blocks (user_id, blocked_id) values ($1, $2)", owner, ann)
    relationship = await relationships.relationship(owner_id=owner, user_id=ann)
    assert relationship.is_blocked
    assert relationship.following_since is not None
    assert await relationships.relationship(owner_id=ann, user_id=owner) == Relationship()


async def test_where_addresses_must_be_verified_a_relationship_tells_whether_one_is(db: Database) -> None:
    owner, ann = await person(db, "owner"), await person(db, "ann")
    strict = Relationships(db=db, needs_verified_email=True)
    assert not (await strict.relationship(owner_id=owner, user_id=ann)).is_verified
    await db.execute("update users set email_verified_at = now() where id = $1", ann)
    assert (await strict.relationship(owner_id=owner, user_id=ann)).is_verified


async def test_the_room_of_a_community_is_its_members(db: Database) -> None:
    community_id, ann, bob = IDS.uuid7(time.time()), await person(db, "ann"), await person(db, "bob")
    await insert_room(db, room_id=community_id, owner_id=None, log_epoch="e", stream_id=None)
    await db.execute(
        "insert into communities (id, name, name_key, title, access, search, created_at)"
        " values ($1, 'a', 'a', 'a', 'open', 'a', now())",
        community_id,
    )
    await db.execute(
        "insert into community_members (community_id, person_id, state, since)"
        " values ($1, $2, 'member', now()), ($1, $3, 'banned', now())",
        community_id, ann, bob,
    )  # fmt: skip
    assert await RightsTable(db=db).members(community_id) == {ann}
    relationships = Relationships(db=db)
    standings = [(await relationships.membership(room_id=community_id, user_id=one)).standing for one in (ann, bob)]
    assert standings == ["member", "stranger"]
