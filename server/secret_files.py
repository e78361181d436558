"""Secrets from files of their own, as container platforms and systemd hand them out: ``SOCIALFLOW_SMTP_PASSWORD_FILE``;
or from AWS Secrets Manager, where that names ``aws-sm://NAME`` or ``aws-sm://NAME#KEY`` instead of a file.

A setting is a secret, or may hold one as the password of a URL does, when its field has ``repr=False``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from server.masks import MASK, masked_text

MAX_BYTES: Final = 65_536
AT_AWS: Final = "aws-sm://"


def is_secret(field: FieldInfo) -> bool:
    return not field.repr


def masked(name: str, field: FieldInfo, value: Any) -> Any:
    """``value`` without the passwords of URLs; a secret that is no URL, by its name, is replaced as a whole."""
    if isinstance(value, tuple | list):
        return type(value)(masked(name, field, one) for one in value)
    if not isinstance(value, str):
        return value
    if is_secret(field) and not name.endswith("_url"):
        return MASK
    return masked_text(value)


@dataclass(frozen=True, kw_only=True)
class UnusableFile:
    """Stands in the place of a secret whose file is of no use, so that it is told with all else that is wrong."""

    reason: str


class SecretFiles(PydanticBaseSettingsSource):
    """The secrets whose files the environment names. Whitespace around a secret is none of it."""

    def __init__(self, settings_cls: type[BaseSettings], *, prefix: str) -> None:
        super().__init__(settings_cls)
        self._prefix = prefix
        self._fetched: dict[str, str | UnusableFile] = {}
        self._environment = {name.upper(): value for name, value in os.environ.items() if value}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        variable = f"{self._prefix}{field_name.upper()}"
        path = self._environment.get(f"{variable}_FILE") if is_secret(field) else None
        if path is None:
            return None, field_name, False
        if variable in self._environment:
            return UnusableFile(reason=f"{variable} and {variable}_FILE are both given: give one"), field_name, False
        return self._secret(path), field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(self._values())

    def path_of(self, name: str) -> str | None:
        """The file that holds this setting."""
        return self._environment.get(f"{self._prefix}{name.upper()}_FILE")

    def _secret(self, path: str) -> str | UnusableFile:
        if not path.startswith(AT_AWS):
            return _read(Path(path))
        name, _, key = path.removeprefix(AT_AWS).partition("#")
        if name not in self._fetched:  # one call for all its keys
            self._fetched[name] = _fetch(name)
        found = self._fetched[name]
        return _checked(found, key, path) if isinstance(found, str) else found

    def _values(self) -> Iterator[tuple[str, Any]]:
        for name, field in self.settings_cls.model_fields.items():
            value, _, _ = self.get_field_value(field, name)
            if value is not None:
                yield name, value


def _fetch(name: str) -> str | UnusableFile:
    from storage.aws_secrets import SecretUnavailable, fetch  # for the few that have secrets there

    try:
        return fetch(name)
    except SecretUnavailable as error:
        return UnusableFile(reason=f"{AT_AWS}{name}: {error}")


def _checked(text: str, key: str, path: str) -> str | UnusableFile:
    """The secret, or its field of this name."""
    if key:
        try:
            fields = json.loads(text)
        except ValueError:
            fields = None
        text = fields.get(key, "") if isinstance(fields, dict) else ""
        if not isinstance(text, str):
            text = json.dumps(text) if isinstance(text, int | float) else ""
    secret = text.strip()
    if len(secret) > MAX_BYTES:
        return UnusableFile(reason=f"{path} is larger than {MAX_BYTES:,} bytes")
    return secret or UnusableFile(reason=f"{path}: there is no such key in it" if key else f"{path} is empty")


def _read(path: Path) -> str | UnusableFile:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        secret = content.decode().strip()
    except OSError as error:
        return UnusableFile(reason=f"{path}: {os.strerror(error.errno or 0)}")
    except UnicodeDecodeError:
        return UnusableFile(reason=f"{path} is not UTF-8 text")
    if len(content) > MAX_BYTES:
        return UnusableFile(reason=f"{path} is larger than {MAX_BYTES:,} bytes")
    return secret or UnusableFile(reason=f"{path} is empty")
