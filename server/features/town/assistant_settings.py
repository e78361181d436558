"""The settings of the assistant."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, model_validator

from server.llama.orders import Order
from server.outbound.urls import BadUrl, host_of

EngineName = Literal["off", "articles", "api", "local"]


class AssistantSettings(BaseModel):
    assistant_engine: EngineName | None = Field(
        None,
        description="what answers at /assistant: a model behind an address of the OpenAI API (api), one of a file on "
        "this machine (local), the best matching help articles alone (articles), or nothing (off); default: api with "
        "assistant_api_base, local with assistant_model_file, else off",
    )
    assistant_api_base: str | None = Field(
        None,
        description="address of an OpenAI-compatible API, up to and without /chat/completions, as "
        "http://127.0.0.1:8000/v1; it may be a private one",
    )
    assistant_api_key: str | None = Field(None, repr=False, description="key of that API, if it wants one")
    assistant_model: str | None = Field(None, max_length=200, description="model that the API is asked for")
    assistant_model_file: Path | None = Field(
        None,
        description="GGUF file of a chat model that llama.cpp runs in a process of this node, for which xllamacpp is "
        "installed: pip install 'socialflow[assistant-local]'",
    )
    assistant_context_tokens: int = Field(
        8_192, ge=512, le=1_000_000, description="tokens of question, passages and answer that the local model takes"
    )
    assistant_threads: int = Field(2, ge=1, le=256, description="threads of the local model")
    assistant_memory_mb: int = Field(
        8_192, ge=256, le=4_194_304, description="MiB of address space of the local model's process, its file included"
    )
    assistant_wait_s: float = Field(
        20.0, ge=0.1, le=300, description="seconds that a model has until its first word; then the articles answer"
    )
    assistant_answer_tokens: int = Field(800, ge=16, le=32_000, description="tokens of an answer at most")
    assistant_daily_questions: int = Field(
        50, ge=1, le=100_000, description="questions that a person has on a day (UTC)"
    )
    assistant_daily_tokens: int = Field(
        200_000, ge=1_000, le=1_000_000_000, description="tokens, of questions and answers, that a person has on a day"
    )

    assistant_vectors: bool = Field(
        True,
        description="whether the sentence encoder, a process of 150 MB, helps to find what a question is about; "
        "words alone do otherwise",
    )
    assistant_kept_days: int = Field(
        90, ge=1, le=3_650, description="days after its last message that a conversation with the assistant is kept"
    )

    # After all fields, so that a wrong address is not repeated with a key beside it.
    @model_validator(mode="after")
    def _is_whole(self) -> AssistantSettings:
        if self.assistant_api_base is not None:
            try:
                host_of(self.assistant_api_base)
            except BadUrl as error:
                raise ValueError(f"assistant_api_base {error}") from None
        if engine_of(self) == "api" and (self.assistant_api_base is None or not self.assistant_model):
            raise ValueError("the engine api takes assistant_api_base and assistant_model")
        if engine_of(self) == "local" and self.assistant_model_file is None:
            raise ValueError("the engine local takes assistant_model_file")
        return self


def engine_of(settings: AssistantSettings) -> EngineName:
    if settings.assistant_engine is not None:
        return settings.assistant_engine
    if settings.assistant_api_base is not None:
        return "api"
    return "local" if settings.assistant_model_file is not None else "off"


def model_of(settings: AssistantSettings) -> str | None:
    """Its name, as the operator knows it."""
    if engine_of(settings) == "local" and settings.assistant_model_file is not None:
        return settings.assistant_model_file.name
    return settings.assistant_model


def order_of(settings: AssistantSettings) -> Order:
    """How the local model is run."""
    assert settings.assistant_model_file is not None
    return Order(
        model=str(settings.assistant_model_file.expanduser().absolute()),
        context=settings.assistant_context_tokens,
        threads=settings.assistant_threads,
        memory_bytes=settings.assistant_memory_mb << 20,
    )
