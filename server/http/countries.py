"""Which country a network address belongs to, by a MaxMind database."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import maxminddb

from server.http.addresses import address_of

SHIPPED: Final = Path(__file__).parent.parent / "web" / "dist" / "countries" / "dbip-country.mmdb"
"""DB-IP Lite, which the build of the page brings: CC BY 4.0, pages that use it link to DB-IP."""
KEPT: Final = 20_000
_ISO_3166_1: Final = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA
GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS
MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS
RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW
TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
CODES: Final = frozenset(_ISO_3166_1.split())
"""Of the countries, alpha-2, as of 2026."""


class NoDatabase(Exception):
    """The file is no MaxMind database."""


def database_of(own: Path | None) -> Path | None:
    """The operator's own, else the one that comes with the page; None where neither is there."""
    return own if own is not None else SHIPPED if SHIPPED.is_file() else None


class Countries:
    """Looks addresses up in a database that is open for the life of the node; another file is read at the next start.

    ``path``: a ``.mmdb`` file whose records have ``country.iso_code``, as MaxMind's, or ``country_code``; None: there
    is none, and no country is known. Raises ``NoDatabase`` for a file that is none.
    """

    def __init__(self, path: Path | None) -> None:
        self._reader = None if path is None else _opened(path)
        self._of = lru_cache(maxsize=KEPT)(self._look_up)

    @property
    def is_known(self) -> bool:
        """Whether there is a database."""
        return self._reader is not None

    def of(self, address: str) -> str | None:
        """ISO 3166-1 alpha-2; None for an address that the database does not place, and without a database."""
        return self._of(address) if self._reader is not None else None

    def _look_up(self, address: str) -> str | None:
        parsed = address_of(address)
        if parsed is None or self._reader is None:
            return None
        try:
            record: Any = self._reader.get(parsed)
        except (ValueError, maxminddb.InvalidDatabaseError):  # IPv6 in a database of IPv4; a damaged file
            return None
        code = _code(record)
        return code if code in CODES else None

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()


def _opened(path: Path) -> maxminddb.Reader:
    try:
        return maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise NoDatabase(f"{path} cannot be read as a MaxMind database: {error}") from None


def _code(record: Any) -> str | None:
    if not isinstance(record, dict):
        return None
    country = record.get("country")
    found = country.get("iso_code") if isinstance(country, dict) else record.get("country_code")
    return found.upper() if isinstance(found, str) else None
