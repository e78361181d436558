"""The words of a question that say what it is about. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_ENGLISH: Final = """
a about after all am an and any are as at be been but by can cannot could did do does doing for from get give had has
have he help her here him his how i if in into is it its just know like make many may me more most much must my need no
not now of on one or our out over own please she should show so some tell than that the their them then there these they
this those to too up us use very want was we were what when where which while who why will with would you your
"""
_ARABIC: Final = """
ما ماذا من مين متى أين وين كيف ازاي لماذا ليش ليه هل كم أي في على إلى الى عن مع هذا هذه ذلك تلك هو هي هم أنا أنت انت نحن
لا لم لن ليس قد كل بعض أو او و ثم إذا اذا إن أن ان كان كانت يكون لي لك له لها عندي أريد اريد أحتاج يمكن يمكنني هناك فيه
عايز شو ايش إيه التي الذي بين قبل بعد حتى غير عندما
"""
_OWN: Final = """
ticket tickets support order orders ordered parcel delivery shipping refund bought purchase purchases
تذكرة تذاكر تذكرتي الدعم طلب طلبي طلبات طلباتي شحن توصيل استرداد اشتريت شراء
"""

MAX_WORDS: Final = 40


def content_of(lexemes: Iterable[str], common: frozenset[str]) -> list[str]:
    """Those that are not to be found in every sentence, each once."""
    return [one for one in dict.fromkeys(lexemes) if one not in common][:MAX_WORDS]


def common_words() -> str:
    """Those that say nothing of what a question is about."""
    return _ENGLISH + _ARABIC


def words_of_own() -> str:
    """Those by which one asks for one's own things."""
    return _OWN
