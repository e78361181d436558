"""What holds for every feature that is installed."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from server.describe import features as all_features
from server.feature import NO_UUID, ExportSection, Feature, PersonalData
from server.http.identity import Caller
from storage.postgres import Database
from tests.server.conftest import PASSWORD
from tests.server.features.test_deletion import DEVICE
from tests.server.jobs.inline import make_due
from tests.server.kit import Kit

NAMES_A_PERSON = re.compile(
    "^(user|owner|author|actor|person|people|by|deleted_by|blocked|muted|follower|followee)(_id)?$"
)
PERSON_COLUMNS = """
select c.table_name, c.column_name from information_schema.columns c
join information_schema.tables t using (table_schema, table_name)
where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.udt_name in ('uuid', '_uuid')
"""
REFERENCES = """
select c.conrelid::regclass::text as table_name, a.attname as column_name from pg_constraint c
join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
where c.contype = 'f' and c.confrelid = 'users'::regclass
"""

# One row about the person $1, with bob $2 as anybody else, for each table that names one and is not filled already.
STREAM, ROOM = UUID(int=7), UUID(int=8)
COURSE, OTHER_COURSE = UUID(int=70), UUID(int=71)
SAMPLES = {
    "follows": "insert into follows (follower_id, followee_id) values ($2, $1)",
    "follow_requests": "insert into follow_requests (follower_id, followee_id) values ($2, $1)",
    "blocks": "insert into blocks (user_id, blocked_id) values ($2, $1)",
    "mutes": "insert into mutes (user_id, muted_id) values ($2, $1)",
    "hidden_words": "insert into hidden_words (person_id, text) select $1, 'spoiler' where $2::uuid is not null",
    "search_documents": "insert into search_documents (kind, id, author_id, lexemes, weight)"
    f" select 'person', '{ROOM}', $1, '', 0 where $2::uuid is not null",
    "search_names": "insert into search_names (name, person_id, weight) select 'a', $1, 0 where $2::uuid is not null",
    "idempotency_keys": "insert into idempotency_keys (user_id, key, operation, body_hash) select $1, 'k', 'o', ''"
    " where $2::uuid is not null",
    "streams": f"insert into streams (id, owner_id, room_id, title, stream_key) select '{STREAM}', $2, '{ROOM}', 'x',"
    " 'k' where $1::uuid is not null",
    "chat_rooms": f"insert into chat_rooms (id, stream_id, owner_id, log_epoch) select '{ROOM}', '{STREAM}', $2, 'e'"
    " where $1::uuid is not null",
    "chat_messages": 'insert into chat_messages (room_id, "offset", id, user_id, client_id, text, sent_at, deleted_by)'
    f" values ('{ROOM}', 1, '{ROOM}', $1, 'c', 'hello', now(), $2)",
    "chat_moderators": f"insert into chat_moderators (room_id, user_id) select '{ROOM}', $1 where $2::uuid is not null",
    "chat_vips": f"insert into chat_vips (room_id, user_id) select '{ROOM}', $1 where $2::uuid is not null",
    "chat_held": f"insert into chat_held (id, room_id, user_id, client_id, text, held_at, reason, decided_by) values"
    f" ('{ROOM}', '{ROOM}', $1, 'c', 'hello', now(), 'word', $2),"
    f" ('{STREAM}', '{ROOM}', $2, 'c', '', now(), 'word', $1)",
    "chat_filters": "insert into chat_filters (owner_id, filter) select $1, '{}' where $2::uuid is not null",
    "chat_sanctions": f"insert into chat_sanctions (room_id, user_id, by_id) values ('{ROOM}', $2, $1)",
    "stream_guests": f"insert into stream_guests (stream_id, user_id) select '{STREAM}', $1 where $2::uuid is not null",
    "stream_grants": f"insert into stream_grants (stream_id, user_id) select '{STREAM}', $1 where $2::uuid is not null",
    "mails": f"insert into mails (id, person_id, address, name, template, language, subject, data)"
    f" select '{ROOM}', $1, 'a', 'A', 't', 'en', 's', '{{}}' where $2::uuid is not null",
    "mail_tokens": "insert into mail_tokens (person_id, purpose, token_hash, expires_at)"
    " select $1, 'p', '', now() where $2::uuid is not null",
    "totp_factors": "insert into totp_factors (user_id, secret) select $1, '' where $2::uuid is not null",
    "recovery_codes": "insert into recovery_codes (user_id, code_hash) select $1, '' where $2::uuid is not null",
    "notifications": f"insert into notifications (person_id, id, kind, people, count, created_at) values"
    f" ($1, '{ROOM}', 'follow', array[$2::uuid], 1, now()), ($2, '{ROOM}', 'follow', array[$1::uuid], 1, now()),"
    f" ($2, '{STREAM}', 'mention', array[$1, $2]::uuid[], 2, now())",
    "notification_settings": "insert into notification_settings (person_id, kind, in_app) select $1, 'follow', false"
    " where $2::uuid is not null",
    "notification_preferences": "insert into notification_preferences (person_id) select $1 where $2::uuid is not null",
    "push_subscriptions": "insert into push_subscriptions (id, person_id, kind, target_hash, sealed_target, device)"
    f" select '{ROOM}', $1, 'web', '', '', '' where $2::uuid is not null",
    "stream_reminders": "insert into stream_reminders (stream_id, person_id, created_at)"
    f" select '{STREAM}', $1, now() where $2::uuid is not null",
    "notification_deliveries": "insert into notification_deliveries (id, person_id, notification_id, kind, subject_id,"
    f" channel) select '{ROOM}', $1, '{ROOM}', 'follow', '{ROOM}', 'push' where $2::uuid is not null",
    "passkeys": "insert into passkeys (id, user_id, credential_id, public_key, rp_id, sign_count, is_backed_up, name)"
    f" select '{ROOM}', $1, '', '', '', 0, false, '' where $2::uuid is not null",
    "passkey_challenges": "insert into passkey_challenges (key, challenge, user_id, expires_at)"
    " select '', '', $1, now() where $2::uuid is not null",
    "oauth_links": "insert into oauth_links (id, user_id, provider, subject)"
    f" select '{ROOM}', $1, 'p', 's' where $2::uuid is not null",
    "oauth_codes": "insert into oauth_codes (code_hash, user_id, provider, expires_at)"
    " select '', $1, 'p', now() where $2::uuid is not null",
    "oauth_flows": "insert into oauth_flows (state_hash, provider, browser_hash, nonce, verifier, redirect_uri,"
    " return_to, as_code, link_user_id, expires_at)"
    " select '', 'p', '', '', '', '', '', false, $1, now() where $2::uuid is not null",
    "api_tokens": "insert into api_tokens (id, user_id, token_hash, name, scopes)"
    f" select '{ROOM}', $1, '', 'n', '{{}}' where $2::uuid is not null",
    "clips": "insert into clips (id, stream_id, room_id, owner_id, creator_id, title, visibility, from_ms, to_ms, file,"
    f" has_thumbnail) values ('{ROOM}', '{STREAM}', '{ROOM}', $1, $2, 't', 'public', 0, 1, '{{}}', false),"
    f" ('{STREAM}', '{STREAM}', '{ROOM}', $2, $1, 't', 'public', 0, 1, '{{}}', false)",
    "videos": "insert into videos (id, owner_id, title, state, created_at)"
    f" select '{ROOM}', $1, 't', 'ready', now() where $2::uuid is not null",
    "video_watchers": "insert into video_watchers (video_id, person_id, day, watched_ms)"
    f" values ('{ROOM}', $1, current_date, 1), ('{ROOM}', $2, current_date, 1)",
    "clip_messages": 'insert into clip_messages (clip_id, "offset", id, user_id, text, sent_at, media_time_ms)'
    f" select '{ROOM}', 1, '{ROOM}', $1, 'hello', now(), 1 where $2::uuid is not null",
    "stream_markers": "insert into stream_markers (id, stream_id, author_id, at_ms, label)"
    f" select '{ROOM}', '{STREAM}', $1, 1, 'x' where $2::uuid is not null",
    "stream_metadata": "insert into stream_metadata (id, stream_id, author_id, at_ms, text)"
    f" select '{ROOM}', '{STREAM}', $1, 1, 'x' where $2::uuid is not null",
    "restreams": "insert into restreams (scope_id, name, owner_id, address, sealed_key)"
    " select $1, 'n', $1, 'rtmp://a.example/live', '' where $2::uuid is not null",
    "recording_rules": "insert into recording_rules (owner_id, keep_days) select $1, 7 where $2::uuid is not null",
    "stream_sources": "insert into stream_sources (stream_id, owner_id, address, sealed_url)"
    f" select '{STREAM}', $1, 'rtmp://a.example/live', '' where $2::uuid is not null",
    "calls": f"insert into calls (id, owner_id, began_at, ends_at) select '{ROOM}', $1, now(), now()"
    " where $2::uuid is not null",
    "call_members": f"insert into call_members (call_id, person_id, joined_at) values ('{ROOM}', $1, now()),"
    f" ('{ROOM}', $2, now())",
    "clip_settings": "insert into clip_settings (user_id, others_may_clip) select $1, false where $2::uuid is not null",
    "exports": f"insert into exports (id, user_id) select '{ROOM}', $1 where $2::uuid is not null",
    "pictures": "insert into pictures (id, owner_id, kind, digest)"
    f" select '{ROOM}', $1, 'avatar', '' where $2::uuid is not null",
    "polls": "insert into polls (id, room_id, author_id, question, options, opened_at, closes_at, former_votes)"
    f" select '{STREAM}', '{ROOM}', $1, 'q', '{{a,b}}', now(), now(), '{{0,0}}' where $2::uuid is not null",
    "poll_votes": "insert into poll_votes (poll_id, person_id, option, voted_at)"
    f" select '{STREAM}', $1, 0, now() where $2::uuid is not null",
    "point_balances": "insert into point_balances (owner_id, person_id) values ($1, $2), ($2, $1)",
    "predictions": "insert into predictions (id, room_id, author_id, question, outcomes, opened_at, closes_at)"
    f" select '{STREAM}', '{ROOM}', $1, 'q', '{{a,b}}', now(), now() where $2::uuid is not null",
    "prediction_entries": "insert into prediction_entries (id, prediction_id, person_id, outcome, points)"
    f" select '{ROOM}', '{STREAM}', $1, 0, 1 where $2::uuid is not null",
    "prediction_stakes": "insert into prediction_stakes (prediction_id, person_id, client_id, points)"
    f" select '{STREAM}', $1, 'c', 1 where $2::uuid is not null",
    "raids": "with s as (insert into streams (id, owner_id, room_id, title, stream_key)"
    f" select '{ROOM}', $2, '{STREAM}', 'y', 'k2' returning id)"
    " insert into raids (id, source_id, target_id, author_id, viewers, at)"
    f" select '{ROOM}', s.id, '{STREAM}', $1, 1, now() from s",
    "leaderboard_hidden": "insert into leaderboard_hidden (user_id) select $1 where $2::uuid is not null",
    "raid_settings": "insert into raid_settings (user_id, allowed) select $1, 'nobody' where $2::uuid is not null",
    "rewards": "insert into rewards (id, owner_id, title, cost, created_at)"
    f" values ('{STREAM}', $1, 't', 1, now()), ('{ROOM}', $2, 't', 1, now())",
    "reward_redemptions": "insert into reward_redemptions (id, owner_id, room_id, reward_id, person_id, client_id,"
    f" title, cost, redeemed_at) values ('{STREAM}', $2, '{ROOM}', '{ROOM}', $1, 'c', 't', 1, now()),"
    f" ('{ROOM}', $1, '{ROOM}', '{STREAM}', $2, 'c', 't', 1, now())",
    "courses": f"with r as (insert into chat_rooms (id, log_epoch, is_private) values ('{COURSE}', 'e', true),"
    f" ('{OTHER_COURSE}', 'e', true) returning id) insert into courses (id, author_id, title, description, search,"
    " visibility, amount, currency, created_at) select r.id, case r.id when"
    f" '{COURSE}' then $1::uuid else $2::uuid end, 't', '', 't', 'public', 0, 'USD', now() from r",
    "course_enrolments": "insert into course_enrolments (id, course_id, person_id, state, since)"
    f" select '{ROOM}', '{OTHER_COURSE}', $1, 'enrolled', now() where $2::uuid is not null",
    "course_progress": "with l as (insert into course_lessons (id, course_id, kind, title, position, text, questions,"
    f" pass_percent, requires, created_at) values ('{ROOM}', '{OTHER_COURSE}', 'text', 't', 1, '', '[]', 70, '{{}}',"
    " now()) returning id) insert into course_progress (lesson_id, person_id, percent, changed_at)"
    " select l.id, $1, 1, now() from l where $2::uuid is not null",
    "course_certificates": "insert into course_certificates (code, course_id, person_id, title, name, issued_at)"
    f" select 'c', '{OTHER_COURSE}', $1, 't', 'n', now() where $2::uuid is not null",
    "project_members": f"with p as (insert into projects (id, title, description, columns, created_at) select '{ROOM}',"
    " 't', '', '{a}', now() where $2::uuid is not null returning id)"
    " insert into project_members (project_id, person_id, role, since)"
    " select p.id, $1, 'owner', now() from p union all select p.id, $2, 'viewer', now() from p",
    "project_tasks": "insert into project_tasks (id, project_id, title, text, board_column, position, assignee_id,"
    " author_id, created_at, changed_at) values"
    f" ('{ROOM}', '{ROOM}', 't', '', 'a', 1, $1, $2, now(), now()),"
    f" ('{STREAM}', '{ROOM}', 't', '', 'a', 1, $2, $1, now(), now())",
    "project_documents": "insert into project_documents (id, project_id, title, author_id, created_at, changed_at)"
    f" select '{ROOM}', '{ROOM}', 't', $1, now(), now() where $2::uuid is not null",
    "project_document_updates": "insert into project_document_updates (document_id, seq, author_id, data)"
    f" select '{ROOM}', 1, $1, '' where $2::uuid is not null",
    "project_comments": "insert into project_comments (id, document_id, author_id, text, quote, created_at, changed_at)"
    f" select '{ROOM}', '{ROOM}', $1, 't', '', now(), now() where $2::uuid is not null",
    "help_macros": "insert into help_macros (id, author_id, title, text, created_at, changed_at)"
    f" select '{ROOM}', $1, 't', 't', now(), now() where $2::uuid is not null",
    "unban_requests": "insert into unban_requests (id, room_id, person_id, banned_at, text, created_at)"
    f" select '{ROOM}', '{ROOM}', $1, now(), 't', now() where $2::uuid is not null",
    "moderator_notes": "insert into moderator_notes (id, owner_id, person_id, author_id, text, created_at)"
    f" values ('{ROOM}', $2, $1, $2, 't', now()), ('{STREAM}', $2, $2, $1, 't', now())",
    "emotes": f"insert into emotes (id, owner_id, name, created_at) values ('{STREAM}', $1, 'hi', now()),"
    f" ('{ROOM}', $2, 'hi', now())",
    "badges": f"insert into badges (id, owner_id, kind, created_at) values ('{STREAM}', $1, 'vip', now()),"
    f" ('{ROOM}', $2, 'vip', now())",
    "ledger_accounts": "insert into ledger_accounts (kind, owner_id, currency) values ('available', $1, 'USD'),"
    " ('available', $2, 'USD')",
    "tiers": "insert into tiers (id, owner_id, name, description, amount, currency, place)"
    f" values ('{ROOM}', $1, 'n', '', 1, 'USD', 0), ('{STREAM}', $2, 'n', '', 1, 'USD', 0)",
    "subscriptions": "insert into subscriptions (id, owner_id, person_id, payer_id, tier_id, amount, currency,"
    f" is_test, created_at) values ('{ROOM}', $2, $1, $2, '{STREAM}', 1, 'USD', true, now()),"
    f" ('{STREAM}', $2, $2, $1, '{STREAM}', 1, 'USD', true, now())",
    "subscription_gifts": "insert into subscription_gifts (id, owner_id, payer_id, tier_id, payment_id, amount,"
    f" currency, count, is_test, created_at) values ('{ROOM}', $2, $1, '{STREAM}', '{ROOM}', 1, 'USD', 1, true, now()),"
    f" ('{STREAM}', $1, $2, '{ROOM}', '{ROOM}', 1, 'USD', 1, true, now())",
    "splits": "insert into splits (id, stream_id, owner_id, created_at)"
    f" values ('{ROOM}', '{STREAM}', $1, now()), ('{STREAM}', '{STREAM}', $2, now())",
    "split_parts": "insert into split_parts (split_id, person_id, percent)"
    f" values ('{ROOM}', $1, 50), ('{STREAM}', $2, 50)",
    "pool_statements": "with m as (insert into pool_months (month, currency, income, percent, amount, seconds,"
    " settled_at) values ('2027-01-01', 'USD', 1, 1, 1, 1, now())) insert into pool_statements (id, month, currency,"
    " title, owner_id, person_id, seconds, amount, percent, part)"
    f" values ('{ROOM}', '2027-01-01', 'USD', '', $2, $1, 1, 1, 1, 1),"
    f" ('{STREAM}', '2027-01-01', 'USD', '', $1, $2, 1, 1, 1, 1)",
    "tax_details": "insert into tax_details (person_id, sealed, changed_at) values ($1, '', now()), ($2, '', now())",
    "payout_accounts": "insert into payout_accounts (person_id, provider, created_at) values ($1, 'test', now()),"
    " ($2, 'test', now())",
    "payouts": "insert into payouts (id, person_id, amount, currency, provider, created_at)"
    f" values ('{ROOM}', $1, 1, 'USD', 'test', now()), ('{STREAM}', $2, 1, 'USD', 'test', now())",
    "payments": "insert into payments (id, kind, subject, payer_id, payee_id, amount, currency, percent, provider,"
    f" created_at) values ('{ROOM}', 'tip', '', $1, $2, 1, 'USD', 0, 'test', now()),"
    f" ('{STREAM}', 'tip', '', $2, $1, 1, 'USD', 0, 'test', now())",
    "tips": "insert into tips (id, person_id, owner_id, amount, currency, message, is_test, created_at)"
    f" values ('{ROOM}', $1, $2, 1, 'USD', 'm', true, now()), ('{STREAM}', $2, $1, 1, 'USD', 'm', true, now())",
    "goals": "insert into goals (owner_id, kind, title, target, is_from_now, set_at)"
    " values ($1, 'followers', 't', 1, true, now()), ($2, 'followers', 't', 1, true, now())",
    "overlay_keys": "insert into overlay_keys (owner_id, token_id, sealed_key)"
    f" select $1, '{ROOM}', '' where $2::uuid is not null",
    "webhooks": "insert into webhooks (id, owner_id, url, events, sealed_secret)"
    f" select '{ROOM}', $1, 'https://a.example/', '{{raid}}', '' where $2::uuid is not null",
    "works": "insert into works (id, owner_id, media_id, title, policy, created_at)"
    f" select '{ROOM}', $1, '{STREAM}', 't', 'credit', now() where $2::uuid is not null",
    "work_matches": "insert into work_matches (id, work_id, holder_id, publisher_id, media_id, media_kind, from_ms,"
    f" to_ms, work_from_ms, score, speed, policy, created_at) select '{STREAM}', '{ROOM}', $1, $2, '{STREAM}',"
    " 'stream', 0, 1, 0, 1, 1, 'credit', now()",
    "uploads": f"insert into uploads (id, owner_id, expires_at) values ('{STREAM}', $1, now()), ('{ROOM}', $2, now())",
    "posts": "insert into posts (id, author_id, visibility, state, created_at, published_at, reply_to, replies)"
    f" values ('{STREAM}', $1, 'public', 'published', now(), now(), '{ROOM}', 0),"
    f" ('{ROOM}', $2, 'public', 'published', now(), now(), null, 1)",
    "trends_uses": "insert into trends_uses (tag, person_id, last_at) values ('a', $1, now()), ('a', $2, now())",
    "experiment_exposures": "with e as (insert into experiments (name, arms, shares, description, is_on, created_at,"
    " changed_at) values ('e', '{a,b}', '{50,50}', '', true, now(), now()) returning name)"
    " insert into experiment_exposures (name, person_id, arm, exposed_at) select name, p, 'a', now()"
    " from e, unnest(array[$1, $2]::uuid[]) p",
    "recommendation_acts": "insert into recommendation_acts (person_id, kind, item_id, owner_id, weight, at)"
    f" values ($1, 'posts', '{ROOM}', $2, 1, now()), ($2, 'posts', '{STREAM}', $1, 1, now())",
    "recommendation_feedback": "insert into recommendation_feedback (person_id, item_id, kind, owner_id, verdict, at)"
    f" values ($1, '{ROOM}', 'posts', $2, 'less', now()), ($2, '{STREAM}', 'posts', $1, 'less', now())",
    "analytics_daily": "insert into analytics_daily (owner_id, day, item_id, metric, dimension, key, value)"
    f" values ($1, now(), '{STREAM}', 'views', '', '', 1), ($2, now(), '{ROOM}', 'views', '', '', 1)",
    "feed_pulled": "insert into feed_pulled (author_id) values ($1), ($2)",
    "feed_hashtags": "insert into feed_hashtags (person_id, tag) values ($1, 'a'), ($2, 'a')",
    "feed_affinity": "insert into feed_affinity (person_id, author_id, score) values ($1, $2, 0), ($2, $1, 0)",
    "post_mentions": f"insert into post_mentions (post_id, person_id, is_named) values ('{ROOM}', $1, true),"
    f" ('{STREAM}', $2, true)",
    "post_hashtags": f"insert into post_hashtags (tag, post_id, published_at, author_id) values"
    f" ('a', '{STREAM}', now(), $1), ('a', '{ROOM}', now(), $2)",
    "post_reactions": "insert into post_reactions (post_id, person_id, emoji, created_at)"
    f" select '{ROOM}', $1, 'e', now() where $2::uuid is not null",
    "post_votes": f"with q as (insert into post_polls (post_id, options, counts, is_multiple, seconds)"
    f" values ('{ROOM}', '{{a,b}}', '{{1,0}}', false, 60) returning post_id)"
    " insert into post_votes (post_id, person_id, options, voted_at) select post_id, $1, '{0}', now() from q"
    " where $2::uuid is not null",
    "bookmark_folders": "insert into bookmark_folders (id, person_id, name, name_key, created_at)"
    f" select '{ROOM}', $1, 'n', 'n', now() where $2::uuid is not null",
    "bookmarks": "insert into bookmarks (person_id, post_id, created_at)"
    f" values ($1, '{ROOM}', now()), ($2, '{STREAM}', now())",
    "post_drafts": "insert into post_drafts (id, author_id, body, created_at, updated_at)"
    f" select '{ROOM}', $1, '{{}}', now(), now() where $2::uuid is not null",
    "pinned_posts": f"insert into pinned_posts (author_id, post_id) select $1, '{STREAM}' where $2::uuid is not null",
    "conversations": "with r as (insert into chat_rooms (id, log_epoch, is_private) select gen_random_uuid(), 'e', true"
    " from generate_series(1, 2) returning id) insert into conversations (room_id, is_group, owner_id, pair)"
    " select id, true, $1, id::text from r where $2::uuid is not null",
    "conversation_members": "insert into conversation_members (room_id, person_id, state)"
    " select room_id, $1::uuid, 'open' from conversations union all"
    " select min(room_id::text)::uuid, $2::uuid, 'open' from conversations",
    "conversation_settings": "insert into conversation_settings (person_id, requests_from) select $1, 'followed'"
    " where $2::uuid is not null",
    "community_members": "with r as (insert into chat_rooms (id, log_epoch, is_private)"
    " select gen_random_uuid(), 'e', true from generate_series(1, 2) returning id), c as (insert into communities"
    " (id, name, name_key, title, access, search, created_at) select id, id::text, id::text, 't', 'open', '', now()"
    " from r returning id) insert into community_members (community_id, person_id, state, role, since)"
    " select id, $1::uuid, 'member', 'owner', now() from c union all select min(id::text)::uuid, $2::uuid, 'member',"
    " 'member', now() from c",
    "community_events": "insert into community_events (id, community_id, author_id, title, time_zone, starts_at,"
    f" over_at, created_at, changed_at) select '{ROOM}', min(id::text)::uuid, $1::uuid, 't', 'UTC', now(),"
    " now(), now(), now() from communities where $2::uuid is not null",
    "community_event_answers": "insert into community_event_answers (event_id, person_id, state, answered_at)"
    f" values ('{ROOM}', $1, 'going', now()), ('{ROOM}', $2, 'maybe', now())",
    "chat_reactions": f"insert into chat_reactions (room_id, message_id, person_id, emoji) values"
    f" ('{ROOM}', '{ROOM}', $1, 'x'), ('{ROOM}', '{ROOM}', $2, 'x')",
    "chat_attachments": "insert into chat_attachments (upload_id, room_id, person_id, client_id, position, shown)"
    f" values ('{ROOM}', '{ROOM}', $1, 'c', 1, '{{}}'), ('{STREAM}', '{ROOM}', $2, 'c', 1, '{{}}')",
    "cases": "insert into cases (id, kind, subject_id, owner_id, state, severity, rank, reason, evidence, claimed_by,"
    f" created_at, reported_at, due_at) select '{ROOM}', 'person', $1, $1, 'open', 'low', 0, 'spam', '{{}}', $1, now(),"
    " now(), now() where $2::uuid is not null",
    "reports": "insert into reports (id, case_id, reporter_id, reason, created_at, updated_at)"
    f" values ('{ROOM}', '{ROOM}', $1, 'spam', now(), now()), ('{STREAM}', '{ROOM}', $2, 'spam', now(), now())",
    "case_acts": "insert into case_acts (id, case_id, actor_id, action, reason, created_at)"
    f" values ('{ROOM}', '{ROOM}', $1, 'warn', 'x', now()), ('{STREAM}', '{ROOM}', $2, 'warn', 'x', now())",
    "evasion_signals": "insert into evasion_signals (person_id, kind, digest, seen_at)"
    " values ($1, 'device', 'd', now()), ($2, 'device', 'd', now())",
    "case_notes": "insert into case_notes (id, case_id, author_id, text, created_at)"
    f" values ('{ROOM}', '{ROOM}', $1, 'x', now()), ('{STREAM}', '{ROOM}', $2, 'x', now())",
    "strikes": "insert into strikes (id, person_id, act_id, created_at, expires_at)"
    f" values ('{ROOM}', $1, '{ROOM}', now(), now()), ('{STREAM}', $2, '{STREAM}', now(), now())",
    "appeals": "insert into appeals (id, strike_id, person_id, text, created_at, due_at, decided_by)"
    f" values ('{ROOM}', '{ROOM}', $1, 'x', now(), now(), $2), ('{STREAM}', '{STREAM}', $2, 'x', now(), now(), $1)",
    "market_listings": "insert into market_listings (id, seller_id, title, description, category, search, price,"
    f" currency, shipping, stock, created_at) values ('{ROOM}', $1, 't', '', '', 't', 1, 'USD', 0, 1, now()),"
    f" ('{STREAM}', $2, 't', '', '', 't', 1, 'USD', 0, 1, now())",
    "market_orders": "insert into market_orders (id, listing_id, buyer_id, seller_id, payment_id, title, quantity,"
    " price, shipping, amount, currency, is_test, state, deliver_to, created_at) select"
    f" '{ROOM}', '{STREAM}', $1, $2, '{ROOM}', 't', 1, 1, 0, 1, 'USD', true, 'received', '', now()",
    "market_reviews": "insert into market_reviews (id, listing_id, author_id, stars, text, created_at)"
    f" select '{ROOM}', '{STREAM}', $1, 5, 'x', now() where $2::uuid is not null",
    "help_tickets": "insert into help_tickets (id, person_id, assignee_id, room_id, subject, text, category, priority,"
    f" rank, created_at, changed_at) values ('{ROOM}', $1, $2, '{ROOM}', 's', '', '', 'low', 0, now(), now()),"
    f" ('{STREAM}', $2, $1, '{ROOM}', 's', '', '', 'low', 0, now(), now())",
    "help_notes": "insert into help_notes (id, ticket_id, author_id, text, created_at)"
    f" select '{ROOM}', '{STREAM}', $1, 'x', now() where $2::uuid is not null",
    "local_offers": "insert into local_offers (id, owner_id, kind, title, text, search, lat, lon, precision_km,"
    f" place_name, expires_at, created_at) select '{ROOM}', $1, 'help', 't', '', 't', 0, 0, 1, '', now(), now()"
    " where $2::uuid is not null",
    "assistant_days": "insert into assistant_days values ($1, now(), 1, 1), ($2, now(), 1, 1)",
    "wellbeing_guardians": "insert into wellbeing_guardians (guardian_id, minor_id, time_zone, created_at)"
    " values ($1, $2, 'UTC', now())",
    "assistant_conversations": "insert into assistant_conversations (id, person_id, title, created_at, changed_at)"
    f" values ('{ROOM}', $1, 't', now(), now()), ('{STREAM}', $2, 't', now(), now())",
    "assistant_proposals": "insert into assistant_proposals (id, person_id, tool, arguments, created_at, expires_at)"
    f" values ('{ROOM}', $1, 't', '{{}}', now(), now()), ('{STREAM}', $2, 't', '{{}}', now(), now())",
    "wellbeing_settings": "insert into wellbeing_settings (person_id) values ($1), ($2)",
    "wellbeing_days": "insert into wellbeing_days (person_id, day, last_at) values ($1, now(), now()),"
    " ($2, now(), now())",
    "ads_campaigns": "insert into ads_campaigns (id, owner_id, name, budget, bid, currency, starts_at, ends_at,"
    " targeting, avoid, cap, click_url, created_at, changed_at)"
    " select id, p, 'n', 1, 1, 'USD', now(), now() + interval '1 day', '{}', '{}', 1, 'https://a.example', now(), now()"
    f" from (values ('{ROOM}'::uuid, $1::uuid), ('{STREAM}', $2)) v (id, p)",
    "ads_earnings": "insert into ads_earnings (campaign_id, owner_id, percent)"
    f" values ('{ROOM}', $1, 50), ('{STREAM}', $2, 50)",
    "ads_preferences": "insert into ads_preferences (person_id, consents, interests, changed_at)"
    " values ($1, true, '{}', now()), ($2, true, '{}', now())",
    "ads_creators": "insert into ads_creators (owner_id, is_on, warnings, refuses, changed_at)"
    " values ($1, true, '{}', '{}', now()), ($2, true, '{}', '{}', now())",
    "view_sessions": "insert into view_sessions (id, stream_id, user_id, viewer, started_at, last_at)"
    f" select '{ROOM}', '{STREAM}', $1, 'v', now(), now() where $2::uuid is not null",
}
LISTS = {"people"}
"""Columns that name several persons each."""
OF_ANOTHER = {"streams", "chat_rooms"}
"""Removed as a whole with their owner, by what the core has for it; here they are bob's, to hold the others' rows."""


@pytest.fixture
def features() -> list[Feature]:
    return all_features()


def test_names_are_their_own(features: list[Feature]) -> None:
    names = Counter(feature.name for feature in features)
    assert not [name for name, count in names.items() if count > 1]
    declared = (
        ("operation", [operation.name for feature in features for operation in feature.operations]),
        ("route", [f"{one.method} {one.path}" for feature in features for one in feature.operations]),
        ("event", [event.name for feature in features for event in feature.events]),
        ("job", [job.name for feature in features for job in feature.jobs]),
        ("schedule", [schedule.name for feature in features for schedule in feature.schedules]),
        ("limit", [limit for feature in features for limit in feature.limits]),
        ("export section", [one.name for feature in features for one in _sections(feature)]),
    )
    for what, given in declared:
        assert not [name for name, count in Counter(given).items() if count > 1], f"{what} declared twice"


def test_every_operation_and_event_says_what_it_does(features: list[Feature]) -> None:
    for feature in features:
        assert re.fullmatch("[a-z][a-z_]*", feature.name)
        for operation in feature.operations:
            assert operation.summary, operation.name
            assert operation.tag, operation.name
            assert operation.answers, operation.name
            if operation.path.startswith("/api/v1/admin/"):
                assert operation.roles, f"{operation.name} is for admins, and anybody may call it"
        for event in feature.events:
            assert event.summary, event.name
            assert re.fullmatch("[a-z_]+:[a-z_]+", event.name), event.name


async def test_every_table_that_names_a_person_is_of_one_feature(database: Database, kit: Kit) -> None:
    owners = Counter(table for held in _held(kit) for table in held.tables)
    named = {table for table, _ in await _person_columns(database)} | {"users"}
    assert sorted(named - set(owners)) == [], "name the table in the personal_data of the feature that owns it"
    assert sorted(set(owners) - named) == [], "these tables name nobody"
    assert not [table for table, count in owners.items() if count > 1]


async def test_after_a_deletion_no_row_names_the_person(database: Database, kit: Kit) -> None:
    accounts = kit.install(deletion_grace_days=0).accounts
    ada, bob = [await _register(kit, name) for name in ("ada", "bob")]
    for sql in SAMPLES.values():
        await database.execute(sql, ada.id, bob.id)
    columns = await _person_columns(database)
    kept = {table for held in _held(kit) for table in held.kept}
    before = await _naming(database, columns, ada.id)
    await accounts.delete(person=ada, password=PASSWORD, device=DEVICE)
    assert set(before) | OF_ANOTHER | {"account_deletions"} >= {table for table, _ in columns}, "add a sample"
    await make_due(database)
    await kit.run_jobs()
    assert sorted(set(await _naming(database, columns, ada.id)) - kept) == []
    assert await database.fetchval("select text from chat_messages where user_id = $1", ada.id) == ""


async def test_every_section_of_an_archive_can_be_read(database: Database, kit: Kit) -> None:
    for section in [section for held in _held(kit) for section in held.sections]:
        assert await database.fetch(section.sql, NO_UUID, *section.start, 1) == [], section.name


def _held(kit: Kit) -> list[PersonalData]:
    return [one.personal_data for one in kit.install().features if one.personal_data is not None]


def _sections(feature: Feature) -> list[ExportSection]:
    return list(feature.personal_data.sections) if feature.personal_data is not None else []


async def _person_columns(database: Database) -> list[tuple[str, str]]:
    named = await database.fetch(PERSON_COLUMNS)
    found = {(row["table_name"], row["column_name"]) for row in named if NAMES_A_PERSON.match(row["column_name"])}
    return sorted(found | {(row["table_name"], row["column_name"]) for row in await database.fetch(REFERENCES)})


async def _naming(database: Database, columns: list[tuple[str, str]], person_id: str) -> Counter[str]:
    """How often each table names the person."""
    found: Counter[str] = Counter()
    for table, column in columns:
        names_one = f"array[$1::uuid] <@ {column}" if column in LISTS else f"{column} = $1"
        count = await database.fetchval(f"select count(*) from {table} where {names_one}", person_id)
        if count:
            found[table] += count
    return found


async def _register(kit: Kit, name: str) -> Caller:
    signed = await kit.install().accounts.register(
        username=name, email=f"{name}@example.org", password=PASSWORD, device=DEVICE
    )
    return kit.identity.verify(signed.access_token)


def test_every_migration_since_features_names_the_one_that_owns_its_tables(features: list[Feature]) -> None:
    """A table is read and written by its owner alone; the first seven migrations are older than features."""
    folder = Path(__file__).parents[3] / "migrations" / "versions"
    owners = {
        path.name: re.search(r'^OWNER = "(\w+)"$', path.read_text(), re.MULTILINE) for path in folder.glob("m*.py")
    }
    without = {name for name, owner in owners.items() if owner is None and name >= "m0008"}
    assert not without
    assert {owner[1] for owner in owners.values() if owner is not None} <= {feature.name for feature in features}
