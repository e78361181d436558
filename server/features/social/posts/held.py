"""What posts hold on persons, as an export gives it."""

from __future__ import annotations

from typing import Final

from server.feature import NO_UUID, ExportSection, rows_by_id


def _grouped(name: str, selected: str, key: str) -> ExportSection:
    """One row a post of several in the table; ``selected`` compares the person with ``$1``."""
    sql = f"select {selected} and {key} > $2::uuid group by {key} order by {key} limit $3"
    return ExportSection(name=name, sql=sql, key=(key.rpartition(".")[2],), start=(NO_UUID,))


TABLES: Final = frozenset(
    {"posts", "post_mentions", "post_hashtags", "post_reactions", "post_votes", "bookmarks", "bookmark_folders"}
    | {"post_drafts", "pinned_posts"}
)
SECTIONS: Final = (
    rows_by_id(
        "posts",
        "id, text, state, visibility, content_warning, language, reply_to, quote_of, repost_of, created_at,"
        " published_at, publish_at, edited_at, deleted_at,"
        " (select array_agg(m.url order by m.position) from post_media m where m.post_id = posts.id) as media,"
        " (select q.options from post_polls q where q.post_id = posts.id) as poll",
        "posts where author_id = $1",
    ),
    _grouped(
        "post_edits",
        "e.post_id, jsonb_agg(jsonb_build_object('text', e.text, 'written_at', e.written_at) order by e.version)"
        " as versions from post_edits e join posts p on p.id = e.post_id where p.author_id = $1",
        "e.post_id",
    ),
    _grouped(
        "post_reactions",
        "post_id, array_agg(emoji order by emoji) as emoji from post_reactions where person_id = $1",
        "post_id",
    ),
    rows_by_id("post_votes", "post_id, options, voted_at", "post_votes where person_id = $1", "post_id"),
    rows_by_id(
        "bookmarks",
        "b.post_id, b.created_at, f.name as folder",
        "bookmarks b left join bookmark_folders f on f.id = b.folder_id where b.person_id = $1",
        "b.post_id",
    ),
    rows_by_id("bookmark_folders", "id, name, created_at", "bookmark_folders where person_id = $1"),
    rows_by_id("post_drafts", "id, body, created_at, updated_at", "post_drafts where author_id = $1"),
    rows_by_id("mentions_in_posts", "post_id", "post_mentions where person_id = $1 and is_named", "post_id"),
)
