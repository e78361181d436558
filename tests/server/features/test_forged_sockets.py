"""A forged access token on a socket: refused, and noted where it came from."""

from __future__ import annotations

import asyncio

import jwt
import pytest
import socketio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.server.kit import Kit

LOGGED = """
select d.body::jsonb->>'ip' from audit_log a join audit_details d on d.entry_id = a.id
where a.action = 'access_token.forged'
"""


async def _until_noted(kit: Kit) -> str:
    async with asyncio.timeout(30):
        while True:
            found = await kit.database.fetchval(LOGGED)
            if found is not None:
                return str(found)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("kid", [None, "../../etc/passwd"])
async def test_a_forged_token_is_refused_and_noted(kit: Kit, kid: str | None) -> None:
    async with kit.serve() as served:
        claims = jwt.decode(await served.register("ada"), options={"verify_signature": False})
        known = await kit.database.fetchval("select kid from signing_keys")
        headers = {"kid": kid or known, "typ": "at+jwt"}
        token = jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", headers)
        client = socketio.AsyncClient(reconnection=False)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(served.url, auth={"token": token}, wait_timeout=30)
        assert await _until_noted(kit) == "127.0.0.1"


async def test_an_api_token_that_is_unknown_is_refused_without_a_note(kit: Kit) -> None:
    async with kit.serve() as served:
        client = socketio.AsyncClient(reconnection=False)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(served.url, auth={"token": "sf_pat_" + "A" * 43}, wait_timeout=30)
        await served.connect()
        assert await kit.database.fetchval(LOGGED) is None
