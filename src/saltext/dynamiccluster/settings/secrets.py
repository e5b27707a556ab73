"""Every secret of the settings, as the texts that nothing which leaves may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr


def secret_texts(value: Any) -> tuple[str, ...]:
    """Return every secret of the settings, at any depth: what no event, log or reply may hold."""
    if isinstance(value, SecretStr):
        return _with_password(value.get_secret_value())
    if isinstance(value, BaseModel):
        return secret_texts([getattr(value, name) for name in type(value).model_fields])
    if isinstance(value, Mapping):
        return secret_texts(list(value.values()))
    if isinstance(value, (list, tuple)):
        return tuple(text for item in value for text in secret_texts(item))
    return ()


def _with_password(secret: str) -> tuple[str, ...]:
    """Return the secret and, of an address, the password in it, as written and as meant: an error may tell that alone."""
    parts = urlsplit(secret) if "://" in secret else None
    password = parts.password if parts is not None else None
    return tuple(dict.fromkeys((secret, password, unquote(password)))) if password else (secret,)
