"""What all parts of the schema share: the base model, and the error that carries a hint."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, model_validator


class Wrong(ValueError):
    """A value that cannot be used: what is wrong with it, and what to do."""

    def __init__(self, problem: str, hint: str = ""):
        self.problem = problem
        self.hint = hint
        super().__init__(problem)


@dataclass(frozen=True)
class Unknown:
    """Stands for the value of an unknown key, so that the value itself never reaches a message."""

    hint: str


class Section(BaseModel):
    """A part of the pillar: frozen, unknown keys refused. A known key with an empty value counts as absent."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def _expand(cls, data: Any) -> Any:
        """Turn a shorter or older way of writing this section into the full one."""
        return data

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, data: Any) -> Any:
        data = cls._expand(data)
        if is_empty(data):
            return {}
        if not isinstance(data, dict):
            raise Wrong("must be a mapping", "write `key: value` lines, indented below it")
        known = cls.keys()
        cleaned = {key: value for key, value in data.items() if key not in known or not is_empty(value)}
        return {key: value if key in known else Unknown(suggest(key, cls.names())) for key, value in cleaned.items()}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the keys as the pillar writes them, one for each field."""
        return tuple(_spellings(name, field.validation_alias or field.alias)[0] for name, field in cls.model_fields.items())

    @classmethod
    def keys(cls) -> frozenset[str]:
        """Return every accepted spelling of every key."""
        found = (_spellings(name, field.validation_alias or field.alias) for name, field in cls.model_fields.items())
        return frozenset(key for keys in found for key in keys)

    @classmethod
    def try_read(cls, data: Any) -> Self | None:
        """Return the section, None when it has faults (which the validation of the whole reports)."""
        try:
            return cls.model_validate(data)
        except ValueError:
            return None


def is_empty(value: Any) -> bool:
    """Tell whether YAML's value is empty: nothing, or blank text."""
    return value is None or (isinstance(value, str) and not value.strip())


def suggest(key: str, names: tuple[str, ...]) -> str:
    """Return the hint for an unknown key: the likeliest known one, else all of them."""
    plain = {_plain(name): name for name in names}
    close = difflib.get_close_matches(_plain(key[:80]), plain, n=1, cutoff=0.6)
    if close:
        return f"did you mean {plain[close[0]]}?"
    return f"known here: {', '.join(names)}" if names else "nothing can be set here"


def read_type(value: str, known: tuple[str, ...], what: str) -> str:
    """Return the type. Raises Wrong for one that has no settings here."""
    if value in known:
        return value
    raise Wrong(f"{value[:40]!r} is not a {what} that this version knows", suggest(value, known))


def _plain(key: str) -> str:
    return key.lower().replace("-", "_").replace(" ", "_")


def _spellings(name: str, alias: Any) -> tuple[str, ...]:
    if isinstance(alias, AliasChoices):
        return tuple(str(choice) for choice in alias.choices)
    return (str(alias) if alias else name,)
