from __future__ import annotations

import asyncio
import time

import pyotp
import pytest

from server.http.encryption import Encryption
from server.http.errors import Problem
from storage.postgres import Database
from tests.server.conftest import PASSWORD, ApiFixture
from tests.server.features.factors.holder import enrolled, slug


async def test_a_secret_is_no_factor_until_a_code_of_it_is_confirmed(api: ApiFixture) -> None:
    ada = await api.register("ada")
    enrolment = await (await ada.ask("POST", "/auth/totp/enroll")).json()
    assert enrolment["otpauth_uri"].startswith("otpauth://totp/")
    assert enrolment["secret"] in enrolment["otpauth_uri"]
    assert (await (await ada.ask("GET", "/auth/factors")).json())["totp"] is None
    login = await api.client.post("/api/v1/auth/login", json={"login": "ada", "password": PASSWORD})
    assert login.status == 200


async def test_a_wrong_code_confirms_nothing(api: ApiFixture) -> None:
    ada = await api.register("ada")
    secret = (await (await ada.ask("POST", "/auth/totp/enroll")).json())["secret"]
    stale = pyotp.TOTP(secret).at(int(time.time()) - 3600)
    assert await slug(await ada.ask("POST", "/auth/totp/confirm", json={"code": stale})) == (403, "wrong-code")
    assert (await (await ada.ask("GET", "/auth/factors")).json())["totp"] is None


async def test_a_sign_in_without_a_code_is_asked_for_one_and_a_wrong_password_is_not(api: ApiFixture) -> None:
    ada = await enrolled(api)
    assert await slug(await ada.login()) == (401, "totp-required")
    assert await slug(await ada.login(password="not the password")) == (401, "wrong-credentials")


async def test_a_code_signs_in_once(api: ApiFixture) -> None:
    ada = await enrolled(api)
    code = ada.code()
    assert (await ada.login(totp=code)).status == 200
    assert await slug(await ada.login(totp=code)) == (401, "wrong-code")


async def test_the_code_that_confirmed_the_factor_does_not_sign_in(api: ApiFixture) -> None:
    ada = await enrolled(api)
    assert await slug(await ada.login(totp=ada.code(steps=0))) == (401, "wrong-code")


async def test_a_code_sent_twice_at_once_signs_in_once(api: ApiFixture) -> None:
    ada = await enrolled(api)
    code = ada.code()
    answers = await asyncio.gather(*(ada.login(totp=code) for _ in range(4)))
    assert sorted(one.status for one in answers) == [200, 401, 401, 401]


async def test_a_recovery_code_signs_in_once_however_it_is_typed(api: ApiFixture) -> None:
    ada = await enrolled(api)
    code = ada.recovery_codes[3]
    assert (await ada.login(totp=code.upper().replace("-", " "))).status == 200
    assert await slug(await ada.login(totp=code)) == (401, "wrong-code")
    assert (await (await ada.someone.ask("GET", "/auth/factors")).json())["totp"]["codes_left"] == 9


async def test_a_recovery_code_of_another_person_is_refused(api: ApiFixture) -> None:
    ada, bob = await enrolled(api), await enrolled(api, "bob")
    assert await slug(await ada.login(totp=bob.recovery_codes[0])) == (401, "wrong-code")
    assert (await bob.login(totp=bob.recovery_codes[0])).status == 200


async def test_new_recovery_codes_void_the_ones_before(api: ApiFixture) -> None:
    ada = await enrolled(api)
    answer = await ada.someone.ask("POST", "/auth/recovery-codes")
    new = (await answer.json())["recovery_codes"]
    assert await slug(await ada.login(totp=ada.recovery_codes[0])) == (401, "wrong-code")
    assert (await ada.login(totp=new[0])).status == 200


async def test_codes_cannot_be_guessed_without_end_and_a_right_one_costs_nothing(api: ApiFixture) -> None:
    ada = await enrolled(api)
    assert (await ada.login(totp=ada.code())).status == 200
    statuses = [(await ada.login(totp="000000")).status for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    assert (await ada.login(totp=ada.recovery_codes[0])).status == 429


async def test_removing_the_factor_takes_password_and_code(api: ApiFixture) -> None:
    ada = await enrolled(api)
    wrong = await ada.someone.ask("DELETE", "/auth/totp", json={"password": "not it", "code": ada.code()})
    assert await slug(wrong) == (403, "wrong-password")
    wrong = await ada.someone.ask("DELETE", "/auth/totp", json={"password": PASSWORD, "code": "000000"})
    assert await slug(wrong) == (403, "wrong-code")
    right = await ada.someone.ask("DELETE", "/auth/totp", json={"password": PASSWORD, "code": ada.code()})
    assert right.status == 204
    assert (await ada.login()).status == 200
    assert await api.database.fetchval("select count(*) from recovery_codes") == 0


async def test_a_confirmed_factor_cannot_be_replaced_without_removing_it(api: ApiFixture) -> None:
    ada = await enrolled(api)
    assert await slug(await ada.someone.ask("POST", "/auth/totp/enroll")) == (409, "already-enrolled")
    assert await slug(await ada.someone.ask("POST", "/auth/totp/confirm", json={"code": ada.code()})) == (
        409,
        "not-enrolled",
    )


async def test_neither_secret_nor_recovery_code_lies_in_the_database_in_clear(api: ApiFixture) -> None:
    ada = await enrolled(api)
    rows = await api.database.fetch(
        "select secret as held from totp_factors union all select code_hash from recovery_codes"
    )
    held = b"".join(bytes(row["held"]) for row in rows)
    assert ada.secret.encode() not in held
    assert not any(code.replace("-", "").encode() in held for code in ada.recovery_codes)


async def test_what_happened_to_the_factor_is_in_the_audit_log(api: ApiFixture) -> None:
    ada = await enrolled(api)
    await ada.login(totp=ada.recovery_codes[0])
    await ada.someone.ask("DELETE", "/auth/totp", json={"password": PASSWORD, "code": ada.recovery_codes[1]})
    rows = await api.database.fetch("select action from audit_log where action like 'factor.%' order by id")
    assert [row["action"] for row in rows] == [
        "factor.added",
        "factor.recovery_code_used",
        "factor.recovery_code_used",
        "factor.removed",
    ]


async def test_a_sealed_text_opens_for_its_own_context_only_and_on_every_node(database: Database) -> None:
    sealed = await Encryption(database=database).seal("secret", context="totp ada")
    assert await Encryption(database=database).open(sealed, context="totp ada") == "secret"
    with pytest.raises(Problem, match="503"):
        await Encryption(database=database).open(sealed, context="totp bob")


async def test_a_text_sealed_with_the_operators_key_does_not_open_without_it(database: Database) -> None:
    key = "k" * 32
    sealed = await Encryption(database=database, secrets_key=key).seal("secret", context="c")
    assert await Encryption(database=database, secrets_key=key).open(sealed, context="c") == "secret"
    with pytest.raises(Problem, match="503"):
        await Encryption(database=database).open(sealed, context="c")


async def test_the_operators_key_changes_node_by_node_and_all_open_what_each_has_sealed(database: Database) -> None:
    old, new = "o" * 32, "n" * 32

    async def all_open(*keys: tuple[str, str | None]) -> None:
        nodes = [Encryption(database=database, secrets_key=own, other_secrets_key=other) for own, other in keys]
        for node in nodes:
            sealed = await node.seal("secret", context="c")
            assert [await one.open(sealed, context="c") for one in nodes] == ["secret"] * len(nodes)

    await all_open((old, None), (old, new))
    await all_open((old, new), (new, old))
    sealed = await Encryption(database=database, secrets_key=new, other_secrets_key=old).seal("secret", context="c")
    assert await Encryption(database=database, secrets_key=new).open(sealed, context="c") == "secret"


async def test_another_key_beside_the_server_s_own_seals_nothing(database: Database) -> None:
    sealed = await Encryption(database=database, other_secrets_key="o" * 32).seal("secret", context="c")
    assert await Encryption(database=database).open(sealed, context="c") == "secret"


async def test_what_was_sealed_before_the_operator_set_a_key_still_opens(database: Database) -> None:
    sealed = await Encryption(database=database).seal("secret", context="c")
    assert await Encryption(database=database, secrets_key="k" * 32).open(sealed, context="c") == "secret"
