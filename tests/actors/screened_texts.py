"""Texts for the screening: words of a filter written so as to get past it, and what people ordinarily say."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final


def _words(text: str) -> list[str]:
    return text.split()


LATIN: Final = _words("scumbag wanker bollocks twit dimwit moron nitwit cretin buffoon weasel pillock")
ARABIC: Final = _words("حمار كلب غبي تافه حقير سافل احمق قذر خنزير بقرة")
_SYLLABLES: Final = _words("ba ko ri tu me sa lo ni gra ple dor shi vex cul pan ost ind ur ma te")

_CYRILLIC: Final = dict(zip("aceopxyisbmtkh", "асеорхуіѕЬмткн", strict=True))
_LEET: Final = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7+", "b": "8", "l": "1|", "g": "9"}
_VARIANTS: Final = {"ا": "أإآٱا", "ه": "ةه", "ي": "ىیي", "ك": "کك", "ة": "هة"}
_ARABIZI: Final = {"حمار": _words("7mar 7imar 7omar"), "قذر": ["9athir"], "خنزير": ["5anzir", "5inzeer"]}
_SEPARATORS: Final = (" ", ".", "-", "_", "*", " . ", "·", "🔥", "\u200b", "\u2063")

Disguise = Callable[[random.Random, str], str]


def _each(change: Callable[[random.Random, str], str]) -> Disguise:
    return lambda rng, word: "".join(change(rng, letter) for letter in word)


def _repeated(rng: random.Random, word: str) -> str:
    at = rng.randrange(len(word))
    return word[:at] + word[at] * rng.randrange(1, 6) + word[at:]


def _parted(rng: random.Random, word: str) -> str:
    at = rng.randrange(1, len(word))
    return word[:at] + rng.choice(".-_*'·\u200b") + word[at:]


def _spaced(rng: random.Random, word: str) -> str:
    return rng.choice(_SEPARATORS).join(word)


def _with_article(rng: random.Random, word: str) -> str:
    return rng.choice(("ال", "وال", "بال", "لل", "و")) + word


_case = _each(lambda rng, one: one.upper() if rng.random() < 0.5 else one)
_marks = _each(lambda rng, one: one + rng.choice(("", "\u0301", "\u0336", "\u0323\u0308")))
_tatweel = _each(lambda rng, one: one + "ـ" * rng.randrange(3))
_vowels = _each(lambda rng, one: one + rng.choice(("", "\u064e", "\u064f", "\u0650", "\u0651\u064e", "\u0652")))

OF_LATIN: Final[dict[str, Disguise]] = {
    "Cyrillic": _each(lambda rng, one: _CYRILLIC.get(one, one) if rng.random() < 0.7 else one),
    "leet": _each(lambda rng, one: rng.choice(_LEET[one]) if one in _LEET and rng.random() < 0.6 else one),
    "spaced": _spaced,
    "parted": _parted,
    "repeated": _repeated,
    "full width": _each(lambda rng, one: chr(ord(one) + 0xFEE0)),
    "bold": _each(lambda rng, one: chr(0x1D41A + ord(one) - 97)),
    "circled": _each(lambda rng, one: chr(0x24D0 + ord(one) - 97)),
    "marks": _marks,
    "case": _case,
}
OF_ARABIC: Final[dict[str, Disguise]] = {
    "tatweel": _tatweel,
    "vowels": _vowels,
    "variants": _each(lambda rng, one: rng.choice(_VARIANTS.get(one, one))),
    "article": _with_article,
    "repeated": _repeated,
    "parted": _parted,
    "spaced": _spaced,
    "Arabizi": lambda rng, word: rng.choice(_ARABIZI.get(word, [word])),
}
_TWICE: Final = frozenset({"spaced", "full width", "bold", "circled", "marks"})


def evasions(count: int, *, seed: int = 1) -> Iterator[tuple[str, str]]:
    """How the word is disguised, and a message that has it."""
    rng = random.Random(seed)
    for number in range(count):
        words, disguises = (ARABIC, OF_ARABIC) if number % 3 == 2 else (LATIN, OF_LATIN)
        name = rng.choice(list(disguises))
        text = disguises[name](rng, rng.choice(words))
        if rng.random() < 0.3 and name not in _TWICE:
            text = rng.choice((_tatweel, _vowels) if words is ARABIC else (_case, _repeated, _marks))(rng, text)
        before = rng.choice(("you are a ", "", "hey ", "what a ", "انت ", "يا "))
        yield name, before + text + rng.choice(("", " !", " really", " يا اخي", "!!!"))


_ENGLISH: Final = _words(
    """hey hi hello everyone guys chat the stream is so good today what game are you playing i think that was
an insane play nice one lol gg well played how long have you been live can we see your setup please love this song class
assassin pass grass mass good god book look fall fail bail ball mail mall tie tall pen is it ok to go now my name on as
so do we me he she at by up or if in no us an am be of brilliant passage cocktail assess bass compass therapist analyst
10/10 100 2024 1v1 w8 gr8 b4 m8 4k 60fps 1080p 3rd 2nd level 5 lvl50 rank #1 @ninja @maya_22 :wave: :gg: <3 :) xD don't
can't it's you're i'm we'll brb afk rn tbh imo ngl twitter"""
)
_SPOKEN_ARABIC: Final = _words(
    """مرحبا السلام عليكم كيف حالك اليوم يا شباب البث رائع جدا ماشاء الله شكرا على كل شيء متى يبدا اللعب
انا من مصر وانت اين كلام جميل كلمة كليب قلب غيمة اكل كلها حمامة والله احب هذه اللعبة الجديدة لا اعرف لماذا ممكن تعيد
المقطع صوت عالي شوي تمام ههههههه هلا الف مبروك يعطيك العافية بقرات"""
)
_SPANISH: Final = _words(
    """hola buenas tardes a todos qué tal el directo está muy bien hoy me encanta este juego cuándo empieza la
partida buena jugada jajaja gracias por todo saludos desde méxico y argentina no puedo creerlo vamos equipo mañana más
tarde adiós cómo se llama esta canción señor niño año pásame clase asado grasa"""
)


def ordinary(count: int, *, seed: int = 5) -> Iterator[str]:
    """Messages in English, Arabic and Spanish, as they are written beside a live stream."""
    rng = random.Random(seed)
    for number in range(count):
        words = (_ENGLISH, _SPOKEN_ARABIC, _SPANISH)[number % 3]
        text = " ".join(rng.choice(words) for _ in range(rng.randrange(1, 14)))
        yield _finished(rng, text)


def _finished(rng: random.Random, text: str) -> str:
    turn = rng.random()
    if turn < 0.1:
        return text.capitalize() + rng.choice("!?.…")
    if turn < 0.15:
        return text + rng.choice((" 😂😂😂", " 🔥", "!!!", "??", "...", " ❤️"))
    if turn < 0.18 and len(text) < 14:
        return text.upper()
    if turn < 0.2:
        return text.replace(" ", ", ", 1)
    if turn < 0.22:
        return text + " " + rng.choice(("loool", "nooooo", "gooool", "yessss", "hahahaha", "letsgoooo"))
    return text


def other_words(count: int, *, seed: int = 3) -> list[str]:
    """Words for a long filter."""
    rng = random.Random(seed)
    return ["".join(rng.choice(_SYLLABLES) for _ in range(rng.randrange(2, 5))) for _ in range(count)]
