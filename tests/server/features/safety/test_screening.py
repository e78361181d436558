"""Screening: labels, thresholds and outcomes; what a screening does about a post, and what it does without a model."""

from __future__ import annotations

import pytest

from server.features.insight.models import Model, Shipped
from server.features.insight.models.registry import Registry
from server.features.safety.screening.heads import BadHeads, read
from server.features.safety.screening.model import FOLDER, TextModel, shipped
from server.features.safety.screening.training import measured
from server.features.safety.screening.verdicts import MAX_PIECE, MAX_PIECES, Judge, pieces_of
from server.features.safety.screening_settings import thresholds_of
from server.sentences.process import EncoderProcess, ModelAway
from tests.server.features.posts.conftest import Board
from tests.server.features.safety.held_out import held_out
from tests.server.features.safety.test_cases import act, moderator, the_case

RULES = "*.toxicity.blur=0.5, *.toxicity.hold=0.9, person.toxicity.hold=0.6, *.word.hold=1"
VERSION = (FOLDER / "1.json").read_bytes()


def judge(words: tuple[str, ...] = ()) -> Judge:
    return Judge(thresholds=thresholds_of(RULES), words=words)


@pytest.mark.parametrize(
    ("labels", "outcome", "label"),
    [
        ({}, "allow", ""),
        ({"toxicity": 0.49}, "allow", ""),
        ({"toxicity": 0.5}, "blur", "toxicity"),
        ({"toxicity": 0.9}, "hold", "toxicity"),
        ({"toxicity": 0.6, "word": 1.0}, "hold", "word"),
        ({"spam": 1.0}, "allow", ""),
    ],
)
def test_the_hardest_outcome_that_a_label_reaches_counts(labels: dict[str, float], outcome: str, label: str) -> None:
    verdict = judge().verdict("post", labels)
    assert (verdict.outcome, verdict.label) == (outcome, label)


def test_a_rule_of_a_kind_goes_before_one_of_all_kinds() -> None:
    assert judge().verdict("person", {"toxicity": 0.7}).outcome == "hold"
    assert judge().verdict("community", {"toxicity": 0.7}).outcome == "blur"


@pytest.mark.parametrize(
    "rule",
    ["toxicity=1", "cat.spam.hold=1", "*.cat.hold=1", "*.spam.cat=1", "*.spam.hold=2", "*.spam.hold=x", "*.spam.hold"],
)
def test_what_is_no_threshold_is_refused_by_name(rule: str) -> None:
    with pytest.raises(ValueError, match="is no threshold"):
        thresholds_of(rule)


def test_words_are_found_however_they_are_written() -> None:
    assert judge(("badword",)).policy("what a b a d w 0 r d") == {"word": 1.0}
    assert judge(("badword",)).policy("what a good word") == {}


def test_of_a_long_text_the_model_reads_short_pieces_of_its_beginning() -> None:
    assert pieces_of(" one \n\n two  three\n") == ["one", "two three"]
    pieces = pieces_of("word " * 2_000)
    assert len(pieces) == MAX_PIECES
    assert max(map(len, pieces)) <= MAX_PIECE
    assert max(map(len, pieces_of("x" * 5_000))) <= MAX_PIECE


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "corrupt"),
        (b"\xff\xfe", "corrupt"),
        (VERSION[: len(VERSION) // 2], "corrupt"),
        (VERSION.replace(b'"format": 1', b'"format": 2'), "format 2"),
        (VERSION.replace(b'"spam": {', b'"cat": {'), "no head for spam"),
        (VERSION.replace(b'"weights": "', b'"weights": "AAAA'), "bytes instead of"),
    ],
)
def test_a_version_that_cannot_be_read_says_why(content: bytes, why: str) -> None:
    with pytest.raises(BadHeads, match=why):
        read(content)


async def test_the_card_tells_what_the_model_reaches_on_sentences_that_it_was_not_fitted_to() -> None:
    encoder, sentences, heads = EncoderProcess(within_s=120.0), [*held_out()], read(VERSION)
    try:
        vectors = await encoder.encode([one.text for one in sentences])
    finally:
        await encoder.close()
    found = measured(heads, sentences, vectors)
    assert found == pytest.approx(heads.measures, abs=0.05)
    for language in ("en", "ar"):
        assert found[f"toxicity.{language}.precision"] >= 0.9
        assert found[f"toxicity.{language}.recall"] >= 0.7


async def test_without_an_encoder_there_are_no_scores_and_the_next_order_starts_it_anew() -> None:
    encoder = EncoderProcess(within_s=60.0, module="server.sentences.nothing")
    for _ in range(2):
        with pytest.raises(ModelAway, match="has ended"):
            await encoder.encode(["hello there"])


async def test_a_late_encoder_is_given_up() -> None:
    encoder = EncoderProcess(within_s=0.001, start_s=0.0)
    with pytest.raises(ModelAway, match="has not answered"):
        await encoder.encode(["hello there"])


async def screened(board: Board, **settings: str) -> None:
    features = {one.name: one for one in board.api.kit.install(None, **settings).features}
    await board.api.kit.read_facts([features["screening"]])
    await board.api.kit.run_jobs([features["screening"]])


async def test_a_held_post_waits_for_a_moderator_who_lets_it_pass_for_good(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mod = await moderator(board, "mod")
    post = await board.post(ada, "such a badword")
    await screened(board, screening_words="badword")
    assert not await board.sees(bob, post["id"])
    case = await the_case(board, mod)
    assert (case["kind"], case["subject_id"], case["owner"]["username"]) == ("post", post["id"], "ada")
    assert case["evidence"]["screening"]["labels"] == {"word": 1.0}
    whole = await board.do(mod, "GET", f"/moderation/cases/{case['id']}", answers=200)
    assert [(one["action"], one["actor"]) for one in whole["acts"]] == [("hide", None)]
    assert (await board.do(ada, "GET", "/me/strikes", answers=200))["items"] == []
    await act(board, mod, case["id"], "dismiss")
    assert await board.sees(bob, post["id"])
    await screened(board, screening_words="badword")
    assert await board.sees(bob, post["id"])
    await board.do(ada, "PATCH", f"/posts/{post['id']}", {"text": "another badword"}, answers=200)
    await screened(board, screening_words="badword")
    assert not await board.sees(bob, post["id"])


async def test_a_blurred_post_has_a_warning_until_the_case_is_dismissed(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mod = await moderator(board, "mod")
    post = await board.post(ada, "such a badword")
    await screened(board, screening_words="badword", screening_thresholds="post.word.blur=1")
    assert (await board.get(bob, post["id"]))["content_warning"] == "Sensitive content"
    await act(board, mod, (await the_case(board, mod))["id"], "dismiss")
    assert (await board.get(bob, post["id"]))["content_warning"] is None


async def test_a_name_that_is_held_makes_a_case_and_stays(board: Board) -> None:
    await board.join("badword")
    mod = await moderator(board, "mod")
    await screened(board, screening_words="badword")
    case = await the_case(board, mod)
    assert (case["kind"], case["owner"]["username"]) == ("person", "badword")


async def test_without_a_version_in_use_the_rules_judge_alone_and_operators_see_why(board: Board) -> None:
    kit = board.api.kit
    platform = kit.platform()
    registry = Registry(db=platform.db, objects=platform.objects, now=platform.now)
    encoder = EncoderProcess()
    (one,) = shipped()
    model = TextModel(versions=_declared(registry, one.version, b"{}"), encode=encoder.encode)
    with pytest.raises(ModelAway, match="corrupt"):
        await model.scores(["hello there"])
    known = await registry.one("text")
    assert known is not None
    assert (known.state, "corrupt" in known.why) == ("fallback", True)


def _declared(registry: Registry, version: str, content: bytes) -> Model:
    async def load() -> bytes:
        return content

    broken = Shipped(version=version, measures={}, load=load)
    return registry.declare("text", summary="texts", fallback="none", shipped=[broken])
