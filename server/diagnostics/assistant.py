"""A check of the assistant's engine."""

from __future__ import annotations

import time
from typing import Final

import msgspec

from server.config import Settings
from server.diagnostics.findings import Finding, fine, problem
from server.features.town.assistant_settings import engine_of, model_of, order_of
from server.llama.process import LlamaProcess, ModelAway

ANSWER_S: Final = 30.0
CONNECT_S: Final = 5.0
ADVICE: Final = "see that it runs and that assistant_api_base, assistant_api_key and assistant_model are right"

LOCAL_ADVICE: Final = "see that assistant_model_file, assistant_context_tokens and assistant_memory_mb are right"


async def check_assistant(settings: Settings) -> list[Finding]:
    """Asks the model for one token."""
    engine = engine_of(settings)
    if engine == "local" and "assistant" in settings.rooms:
        return [await _local(settings)]
    if engine != "api" or "assistant" not in settings.rooms:
        return [fine("assistant", "the articles alone answer" if engine == "articles" else "off: no model is named")]
    try:
        status = await _status(settings)
    except (OSError, TimeoutError) as error:
        return [problem("assistant", str(error) or "the model has not answered in time", ADVICE)]
    if status != 200:
        return [problem("assistant", f"the model's server answered {status}", ADVICE)]
    return [fine("assistant", f"the model {settings.assistant_model} answers")]


async def _local(settings: Settings) -> Finding:
    """Runs the model, and ends it."""
    process = LlamaProcess(order=order_of(settings), monotonic=time.monotonic)
    try:
        await process.address()
    except ModelAway as error:
        return problem("assistant", str(error), LOCAL_ADVICE)
    finally:
        await process.close()
    return fine("assistant", f"the model {model_of(settings)} runs")


async def _status(settings: Settings) -> int:
    from server.outbound.http import PublicHttp
    from server.outbound.public_addresses import PublicAddresses

    http = PublicHttp(addresses=PublicAddresses(allow_private=True))
    asked = {"model": settings.assistant_model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
    key = settings.assistant_api_key
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    try:
        reply = await http.post(
            f"{(settings.assistant_api_base or '').rstrip('/')}/chat/completions",
            body=msgspec.json.encode(asked),
            headers=headers,
            timeout_s=ANSWER_S,
            connect_s=CONNECT_S,
            max_bytes=100_000,
        )
    finally:
        await http.close()
    return reply.status
