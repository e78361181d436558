"""What the personas have written to everybody and to one another. Nothing but words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Written:
    """A post. ``alts``: what is in each of its pictures. ``replies``: each answers the one before it."""

    by: str
    text: str
    alts: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    replies: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Group:
    people: tuple[str, ...]
    title: str
    lines: tuple[tuple[int, str], ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class Community:
    """``people``: the founder, and who joins. ``posts``: who of them writes what. ``event``: its title, its place and
    in how many days it is.
    """

    name: str
    title: str
    description: str
    people: tuple[str, ...]
    posts: tuple[tuple[int, str], ...]
    event: tuple[str, str, int]
    lines: tuple[tuple[int, str], ...]


POSTS: Final = (
    Written(
        by="ines_signal",
        text="Tonight: colour bars until dawn. Bring tea, bring questions. #live #testcard",
        replies=(
            ("dmitri_lag", "I bring a stopwatch."),
            ("ines_signal", "You always bring a stopwatch."),
            ("lena_moves", "💃💃💃"),
        ),
    ),
    Written(
        by="kwame_b",
        text="The market before anybody is awake. Two from this morning. #photography",
        alts=("Waves of warm light over stalls that are still closed", "The same square, ten minutes later"),
        replies=(("yuki_frames", "The second one breathes. Which film?"), ("kwame_b", "A phone and patience.")),
    ),
    Written(
        by="fatima_codes",
        text="كتبتُ اليوم مُصرِّفًا صغيرًا، والقطة نامت على لوحة المفاتيح. #برمجة",
        replies=(("ana_paula", "A gata aprovou o código?"), ("fatima_codes", "رفضته ثلاث مرات 🐈")),
    ),
    Written(
        by="tomasz_k",
        text="Which corner of the test picture is the best one?",
        options=("Upper left", "Upper right", "Lower left", "The moving square"),
        replies=(("old_gregor", "We had one corner, and we were glad of it."),),
    ),
    Written(
        by="sol_marina",
        text="Why did the hydrophone go to therapy? Too many deep issues. #ocean #puns",
        alts=("Blue waves, drawn from memory",),
        replies=(("rio_writes", "I am leaving this town."), ("sol_marina", "You would sea us again.")),
    ),
    Written(
        by="rio_writes",
        text="A very short story: the stream ended, and everybody stayed.",
        replies=(("lena_moves", "more please"),),
    ),
    Written(by="yuki_frames", text="一枚ずつ。 #photography", alts=("A slope in evening colours",)),
    Written(
        by="ana_paula", text="Moqueca ao vivo em dois dias. Peixe ou cogumelo? #cooking", options=("Peixe", "Cogumelo")
    ),
)
QUOTES: Final[dict[int, tuple[str, str]]] = {
    0: ("bao_tones", "I do the tone for this. It is an A, one octave down."),
    5: ("kwame_b", "This is the one that I meant."),
}
"""Place of the quoted post → who quotes it, and with what words."""
CONVERSATIONS: Final[tuple[tuple[tuple[str, ...], tuple[tuple[int, str], ...]], ...]] = (
    (
        ("ines_signal", "bao_tones"),
        (
            (0, "are you ready with the tone?"),
            (1, "since this morning. 220 Hz, as agreed"),
            (0, "then I start the clock at eight"),
        ),
    ),
    (
        ("ines_signal", "sol_marina"),
        ((1, "can I borrow your second camera for the pier?"), (0, "of course, it is in the usual drawer")),
    ),
)
GROUP: Final = Group(
    people=("ines_signal", "tomasz_k", "lena_moves", "kwame_b"),
    title="Saturday on the roof",
    lines=(
        (0, "who brings the long cable?"),
        (1, "me. and the short one, in case"),
        (2, "🎉"),
        (3, "I film, you dance, Tomasz hums"),
    ),
)
COMMUNITIES: Final = (
    Community(
        name="early_light",
        title="Early light",
        description="Pictures that were taken before breakfast. Say with what, and where you stood.",
        people=("kwame_b", "yuki_frames", "ines_signal", "sol_marina", "rio_writes"),
        posts=(
            (1, "Snow on the north side, six in the morning. The meter was wrong, the eye was right."),
            (0, "A question for all: do you edit, or do you get up again the next day?"),
            (3, "Fog over the pier. The pier is in the picture, I promise."),
        ),
        event=("A walk along the harbour", "The old lighthouse", 6),
        lines=((0, "who is awake?"), (1, "still, not already"), (4, "same")),
    ),
    Community(
        name="makers",
        title="صُنّاع · Makers",
        description="ما نصنعه بأيدينا وبالشيفرة. What we make, in any language.",
        people=("fatima_codes", "tomasz_k", "dmitri_lag", "bao_tones"),
        posts=(
            (0, "سؤال اليوم: ما أصغر برنامج كتبتموه وما زلتم تستعملونه؟"),
            (1, "Eleven lines that turn the synthesizer off when the neighbours come home."),
            (2, "A stopwatch. Obviously."),
        ),
        event=("أمسية الشيفرة · An evening of code", "Online", 9),
        lines=((3, "can it make a tone?"), (1, "everything can make a tone")),
    ),
)
