"""The section `logging`. Without it Salt's own logging is all there is."""

from __future__ import annotations

import logging
from typing import Annotated

from pydantic import AfterValidator, field_validator

from .kinds import Path, Text, Whole, between
from .section import Section, Wrong

_LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)


class LoggingSettings(Section):
    """`log_level`: 0 ERROR, 1 WARNING, 2 INFO, 3 DEBUG. Without `log_location` only the level is set."""

    log_level: Annotated[Whole, AfterValidator(between(0, 3))] = 2
    log_location: Path | None = None
    log_format: Text = "%(asctime)s - %(levelname)s - %(processName)s - %(threadName)s - %(message)s"
    log_max_size: Annotated[Whole, AfterValidator(between(1024, 1 << 40))] = 2097152

    @field_validator("log_format")
    @classmethod
    def _check_format(cls, value: str) -> str:
        try:
            logging.Formatter(value, validate=True)
        except ValueError:
            raise Wrong("not a format of Python's logging", "for example %(asctime)s %(levelname)s %(message)s") from None
        return value

    @property
    def level(self) -> int:
        """Return the level as Python's logging has it."""
        return _LEVELS[self.log_level]
