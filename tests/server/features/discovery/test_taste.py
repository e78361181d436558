"""What people like together, learnt and asked: pure."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest

from server.features.discovery.recommendations.als import Rows, base_of, factorise, fold_in, rows_of, solve
from server.features.discovery.recommendations.ranking import Candidate, diverse
from server.features.discovery.recommendations.taste import Taste
from server.features.discovery.recommendations.training import Entries, train

GROUPS = 4
OF_GROUP = 12


def entries(people: int = 160, acts: int = 6) -> Entries:
    """People of four groups, each of whom acts on things of its own group, in an order by chance."""
    rng = np.random.default_rng(7)
    person, item, at = [], [], []
    for one in range(people):
        chosen = rng.choice(OF_GROUP, acts, replace=False) + one % GROUPS * OF_GROUP
        person += [one] * acts
        item += list(chosen)
        at += list(range(acts))
    ids = [str(UUID(int=number + 1)) for number in range(GROUPS * OF_GROUP)]
    size = len(person)
    return Entries(np.array(person), np.array(item), np.ones(size, dtype=np.float32), np.array(at), ids)


def test_a_model_foretells_what_popularity_and_age_do_not() -> None:
    trained = train(entries())
    told = trained.measures
    assert told["ndcg_at_50"] > 1.5 * told["popularity_ndcg_at_50"]
    assert told["ndcg_at_50"] > 1.5 * told["chronological_ndcg_at_50"]
    assert (told["people"], told["items"], told["acts"]) == (160, 48, 960)


def test_training_is_the_same_each_time() -> None:
    assert np.array_equal(train(entries()).taste.factors, train(entries()).taste.factors)


def test_a_person_is_offered_things_of_their_group_first() -> None:
    taste = train(entries()).taste
    person = taste.person({taste.ids[0]: 1.0, taste.ids[1]: 1.0, "unknown": 5.0})
    assert person is not None
    assert set(taste.best(person, OF_GROUP)) == set(taste.ids[:OF_GROUP])
    scores = taste.score(person, [taste.ids[2], taste.ids[-1], "unknown"])
    assert list(scores) == [taste.ids[2], taste.ids[-1]]
    assert scores[taste.ids[2]] > 0.3 > scores[taste.ids[-1]]
    assert taste.person({"unknown": 1.0}) is None


def test_rows_of_any_length_are_solved_as_one_by_one() -> None:
    rng = np.random.default_rng(3)
    row = np.sort(rng.integers(0, 60, 900))
    column = rng.integers(0, 40, 900)
    weight = rng.random(900).astype(np.float32)
    rows = rows_of(row, column, weight, 61)
    other = rng.normal(size=(40, 8)).astype(np.float32)
    found = solve(rows, other)
    for one in range(60):
        part = slice(rows.starts[one], rows.starts[one + 1])
        alone = fold_in(other, base_of(other), list(rows.columns[part]), list(rows.weights[part]))
        assert np.allclose(found[one], alone, atol=1e-3)
    assert not found[60].any()


def test_no_people_and_no_things() -> None:
    empty = Rows(np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))
    assert factorise(empty, empty).shape == (0, 4)


def test_a_model_comes_back_as_it_was_stored() -> None:
    taste = train(entries(people=40)).taste
    again = Taste.decode(taste.encode())
    assert again.ids == taste.ids
    assert np.array_equal(again.factors, taste.factors)


@pytest.mark.parametrize("damage", ["cut", "other", "empty"])
def test_what_is_no_model_is_refused(damage: str) -> None:
    content = train(entries(people=40)).taste.encode()
    broken = {"cut": content[: len(content) // 2], "other": b"\x80\x04K\x01.", "empty": b""}[damage]
    with pytest.raises(ValueError, match="not a model"):
        Taste.decode(broken)


def test_owners_take_turns_and_less_of_one_comes_last() -> None:
    loud = [Candidate(id=f"a{number}", owner_id="a", trend=1.0) for number in range(3)]
    quiet = Candidate(id="b", owner_id="b", followed=True, trend=0.1)
    unwanted = Candidate(id="c", owner_id="c", trend=1.0, less=1)
    order = diverse([*loud, quiet, unwanted], 5)
    assert [one.id for one in order] == ["b", "a0", "a1", "a2", "c"]
    assert (order[0].reason, order[1].reason) == ("followed", "trending")
