"""To whom a stream is restricted: by country and by age, or to its owner alone by moderators. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec

from actors.runtime import DomainError

COUNTRY: Final = "restricted_country"
AGE: Final = "restricted_age"
WITHHELD: Final = "withheld"
CLAIMED: Final = "claimed"
CODES: Final = frozenset({COUNTRY, AGE, WITHHELD, CLAIMED})
"""Of the errors that tell a viewer why a stream is not for them: over HTTP each is a 451."""


class Restrictions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``allow``: the only countries (ISO 3166-1 alpha-2) that it is for; ``deny``: those that it is not for. At most
    one of the two has any. ``min_age``: in years. ``content_warning``: shown before it is played; empty: none.
    ``withheld``: moderators of the server hide it from everybody but its owner; ``claimed``: the owner of a work that
    is in it does.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    min_age: int | None = None
    content_warning: str = ""
    withheld: bool = False
    claimed: bool = False

    @property
    def refuses_any(self) -> bool:
        """Whether there are viewers whom it is not for."""
        return self.is_hidden or self.has_countries or self.min_age is not None

    @property
    def is_hidden(self) -> bool:
        return self.withheld or self.claimed

    @property
    def has_countries(self) -> bool:
        return bool(self.allow or self.deny)

    def is_for_country(self, country: str | None) -> bool:
        """An unknown country (None) stands in no list: a list of those allowed refuses it, one of those denied not."""
        return country in self.allow if self.allow else country not in self.deny

    def is_for_age(self, birth_date: dt.date | None, today: dt.date) -> bool:
        """A viewer without a birth date is taken for too young."""
        if self.min_age is None:
            return True
        return birth_date is not None and years_between(birth_date, today) >= self.min_age

    def refusal(self, *, country: str | None, birth_date: dt.date | None, today: dt.date) -> DomainError | None:
        """Why it is not for a viewer; None when it is."""
        if self.is_hidden:
            return hidden(self)
        if not self.is_for_country(country):
            return wrong_country()
        return None if self.is_for_age(birth_date, today) else too_young(self.min_age or 0)


UNRESTRICTED: Final = Restrictions()


def hidden(restrictions: Restrictions) -> DomainError:
    """Why it is hidden from everybody but its owner."""
    if restrictions.claimed and not restrictions.withheld:
        return DomainError(CLAIMED, "The owner of a work that is in this has blocked it.")
    return DomainError(WITHHELD, "Moderators have hidden this.")


def wrong_country() -> DomainError:
    return DomainError(COUNTRY, "This is not available in your country.")


def too_young(min_age: int) -> DomainError:
    message = f"This is for people of {min_age} years and older who have said when they were born."
    return DomainError(AGE, message)


def years_between(birth_date: dt.date, today: dt.date) -> int:
    """Full years; who was born on 29 February is a year older on 1 March of other years."""
    has_had_birthday = (today.month, today.day) >= (birth_date.month, birth_date.day)
    return today.year - birth_date.year - (not has_had_birthday)
