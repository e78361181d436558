"""The SQL of searches: words first, then documents. Each statement reads a bounded number of rows by an index."""

from __future__ import annotations

from typing import Final

MOST_MATCHES: Final = 8_000
MOST_WALKED: Final = 30_000
RANK: Final = 4e6
EXACT: Final = 100_000_000

# $1 asked lexemes and $2 misspelt forms of them: counts of those that there are.
WORDS: Final = "select lexeme, people, posts, others from search_words where lexeme = any($1::text[])"
# $1 a prefix, $2 where it ends: the most frequent words that begin so.
PREFIXED: Final = """
select lexeme, shown, people, posts, others from search_words
where lexeme >= $1 and lexeme < $2 and people + posts + others > 0
order by people + posts + others desc, lexeme limit $3
"""
# $1 a word as ``alike``, $2 its length: those that are spelt nearly so.
ALIKE: Final = """
select lexeme, people, posts, others from search_words
where alike % $1 and similarity(alike, $1) >= 0.34 and people + posts + others > 0
    and length(lexeme) between $2 - 2 and $2 + 2
order by similarity(alike, $1) desc, people + posts + others desc, lexeme limit $3
"""
# $1 the query, $2 and $3 after which score and id, $4 how many, $5 the query that is answered first or null.
MATCHING: Final = f"""
select id, score from (
    select id, weight + (ts_rank('{{0.1,0.4,0.4,1}}', lexemes, $1::tsquery) * {RANK})::bigint
        + case when lexemes @@ $5::tsquery then {EXACT} else 0 end as score
    from search_documents where lexemes @@ $1::tsquery limit {MOST_MATCHES}) d
where (score, id) < ($2::bigint, $3::uuid)
order by score desc, id desc limit $4
"""
# $1 the query, $2 and $3 after which weight and id, $4 how many, $5 the kind.
WALKED: Final = f"""
select id, score from (
    select id, weight as score, lexemes from search_documents
    where kind = $5 and (weight, id) < ($2::bigint, $3::uuid)
    order by weight desc, id desc limit {MOST_WALKED}) d
where lexemes @@ $1::tsquery limit $4
"""
