"""What one account may create, from whatever address."""

from __future__ import annotations

from server.http.identity import Caller, Identity
from server.http.limits import CallRate, hourly
from server.http.operation import Answer, Call, Operation
from tests.server.conftest import Serve


def token(identity: Identity, person_id: str) -> dict[str, str]:
    person = Caller(id=person_id, username="a", display_name="A", roles=frozenset(), session_id=f"of {person_id}")
    return {"Authorization": f"Bearer {identity.mint(person)[0]}"}


async def test_account_is_held_to_its_rate_from_loopback_too_and_others_are_not(
    serve: Serve, identity: Identity
) -> None:
    async def made(call: Call[None, None]) -> Answer:
        return Answer(204)

    operation = Operation(
        method="POST", path="/made", handler=made, name="make", tag="t", summary="Make", answers={204: None},
        auth="required", account_rate=CallRate("made", per_s=0.01, burst=2),
    )  # fmt: skip
    client = await serve(operation)
    ann, bob = token(identity, "ann"), token(identity, "bob")
    answers = [await client.post("/made", headers=ann) for _ in range(3)]
    assert [one.status for one in answers] == [204, 204, 429]
    assert int(answers[-1].headers["Retry-After"]) > 60
    assert (await client.post("/made", headers=bob)).status == 204


def test_a_third_of_an_hour_is_there_at_once() -> None:
    rate = hourly("new_streams", 300)
    assert (rate.burst, rate.per_s) == (100, 300 / 3600)
    assert hourly("ties", 1).burst == 1
