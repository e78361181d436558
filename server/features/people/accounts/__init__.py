"""Accounts: who people are to the server, how they prove it, and the sessions that come of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.people.accounts import queries
from server.features.people.accounts.accounts import Accounts
from server.features.people.accounts.admin_people import AdminPeopleRoutes
from server.features.people.accounts.cookies import Cookies, device_of, kept_device, refresh_token_of
from server.features.people.accounts.deletion import Deletions
from server.features.people.accounts.devices import Device
from server.features.people.accounts.email_addresses import EmailAddresses
from server.features.people.accounts.email_routes import EmailRoutes
from server.features.people.accounts.guesses import FACTOR_GUESSES, Guesses
from server.features.people.accounts.links import Links as SignInLinks
from server.features.people.accounts.mails import AccountMails
from server.features.people.accounts.methods import Provider, SecondFactor, SignInMethods
from server.features.people.accounts.new_accounts import EmailOwner, NewAccounts
from server.features.people.accounts.operators import Operators
from server.features.people.accounts.passwords import Passwords
from server.features.people.accounts.reauthentication import FactorGuesses, Reauthentication, wrong_code
from server.features.people.accounts.recovery import PasswordRecovery
from server.features.people.accounts.routes import AuthRates, AuthRoutes, signed_in_answer
from server.features.people.accounts.security_changes import SecurityChanges
from server.features.people.accounts.session_routes import SessionRoutes
from server.features.people.accounts.sessions import Sessions, SignedIn
from server.features.people.accounts.suspensions import Suspensions
from server.features.people.accounts.suspicions import Suspicions
from server.features.people.profiles import Profiles
from server.features.people.settings import PeopleSettings
from server.http.identity import Identity
from server.jobs import repeated
from server.outbound.mail import Mail
from storage.postgres import Transaction

__all__ = [
    "AccountMails",
    "Accounts",
    "AccountsRoom",
    "Cookies",
    "Device",
    "EmailOwner",
    "FactorGuesses",
    "NewAccounts",
    "Provider",
    "Reauthentication",
    "SecondFactor",
    "SecurityChanges",
    "Sessions",
    "SignInLinks",
    "SignInMethods",
    "SignedIn",
    "Suspicions",
    "build",
    "device_of",
    "kept_device",
    "refresh_token_of",
    "signed_in_answer",
    "wrong_code",
]

HOUR_S: Final = 3_600.0

SECTIONS: Final = (
    rows_by_id(
        "sessions",
        "id, user_agent, ip, created_at, last_seen_at, expires_at, revoked_at, revoked_reason",
        "auth_sessions where user_id = $1",
    ),
)


@dataclass(frozen=True, kw_only=True)
class AccountsRoom:
    """``profile`` reads what a person's own row holds; None when there is no such account. Rooms that are made later
    add to ``methods`` what else one may sign in by, and call ``accounts.sign_in`` when a person has done so.
    """

    feature: Feature
    accounts: Accounts
    sessions: Sessions
    suspicions: Suspicions
    changes: SecurityChanges
    links: SignInLinks
    mails: AccountMails
    operators: Operators
    new_accounts: NewAccounts
    suspensions: Suspensions
    methods: SignInMethods
    cookies: Cookies
    reauthentication: Reauthentication
    factor_guesses: FactorGuesses
    profile: Callable[[str], Awaitable[Mapping[str, Any] | None]]


def build(
    platform: Platform,
    *,
    settings: PeopleSettings,
    identity: Identity,
    passwords: Passwords,
    mail: Mail,
    is_https: bool,
    personal_data: Callable[[], Sequence[PersonalData]],
    when_changed: Callable[[], Awaitable[None]],
) -> AccountsRoom:
    """``personal_data`` of all features, which a deletion erases. ``when_changed`` has this node look again at who may
    see what; other nodes find out by themselves.
    """
    deletions = Deletions(
        database=platform.db,
        audit=platform.audit,
        jobs=platform.jobs,
        personal_data=personal_data,
        grace_days=settings.deletion_grace_days,
        name_days=settings.name_reserved_days,
    )
    suspicions = Suspicions(database=platform.db, audit=platform.audit, limiter=platform.limiter)
    mails = AccountMails(outbox=mail.outbox, tokens=mail.tokens, now=platform.now)
    links = SignInLinks(database=platform.db, tokens=mail.tokens, suspicions=suspicions)
    sessions = Sessions(
        database=platform.db,
        identity=identity,
        profiles=Profiles(database=platform.db),
        ids=platform.ids,
        audit=platform.audit,
    )
    new_accounts = NewAccounts(database=platform.db, ids=platform.ids)
    operators = Operators(
        database=platform.db, mails=mails, new_accounts=new_accounts, passwords=passwords, audit=platform.audit
    )
    methods, cookies = SignInMethods(), Cookies(is_secure=is_https)
    reauthentication = Reauthentication(database=platform.db, methods=methods)
    accounts = Accounts(
        database=platform.db,
        sessions=sessions,
        mails=mails,
        passwords=passwords,
        guesses=Guesses(limiter=platform.limiter),
        suspicions=suspicions,
        methods=methods,
        reauthentication=reauthentication,
        new_accounts=new_accounts,
        deletions=deletions,
        when_changed=when_changed,
    )
    addresses = EmailAddresses(
        database=platform.db,
        links=links,
        mails=mails,
        sessions=sessions,
        prove=accounts.prove,
        reauthentication=reauthentication,
    )
    recovery = PasswordRecovery(
        database=platform.db,
        jobs=platform.jobs,
        ids=platform.ids,
        limiter=platform.limiter,
        links=links,
        mails=mails,
        passwords=passwords,
        sessions=sessions,
    )
    suspensions = Suspensions(audit=platform.audit, mails=mails, revoke=identity.revoke)
    administration = AdminPeopleRoutes(
        database=platform.db,
        identity=identity,
        audit=platform.audit,
        suspensions=suspensions,
        when_changed=when_changed,
    )
    rates = AuthRates()

    async def rotate() -> None:
        await identity.rotate_keys(days=settings.signing_key_days)

    async def profile(person_id: str) -> Mapping[str, Any] | None:
        row = await platform.db.fetchrow(queries.PROFILE, person_id)
        return dict(row) if row is not None else None

    feature = Feature(
        name="accounts",
        operations=[
            *AuthRoutes(
                accounts=accounts, sessions=sessions, methods=methods, cookies=cookies, rates=rates
            ).operations(),
            *EmailRoutes(accounts=accounts, addresses=addresses, recovery=recovery, rates=rates).operations(),
            *SessionRoutes(sessions=sessions, rates=rates).operations(),
            *administration.operations(),
        ],
        jobs=[deletions.job, recovery.job],
        limits={"deletion_grace_days": settings.deletion_grace_days},
        schedules=[
            repeated("sessions.purge", sessions.purge, every_s=HOUR_S),
            repeated("signing_keys.rotate", rotate, every_s=HOUR_S),
        ],
        personal_data=PersonalData(
            tables=frozenset({"users", "auth_sessions", "account_deletions", "idempotency_keys"}),
            sections=SECTIONS,
            erase=_erase,
            kept={
                "users": "its row, without a name, keeps what others have written beside it in order",
                "auth_sessions": "other nodes may still ask whether a session has ended",
            },
        ),
    )
    return AccountsRoom(
        feature=feature,
        accounts=accounts,
        sessions=sessions,
        suspicions=suspicions,
        changes=SecurityChanges(sessions=sessions, mails=mails),
        mails=mails,
        links=links,
        operators=operators,
        new_accounts=new_accounts,
        suspensions=suspensions,
        methods=methods,
        cookies=cookies,
        reauthentication=reauthentication,
        factor_guesses=FactorGuesses(
            database=platform.db, guesses=Guesses(limiter=platform.limiter, rates=FACTOR_GUESSES)
        ),
        profile=profile,
    )


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.WIPE:
        await tx.execute(sql, person_id)
