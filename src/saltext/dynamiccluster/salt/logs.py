"""The section `logging`, and what holds for our log lines wherever they go: no secret in them, no flood of the same one."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from logging.handlers import RotatingFileHandler

from ..settings.logs import LoggingSettings
from .bus import redact

NAME = "saltext.dynamiccluster"
_KEPT = 3  # rotated files
_AGAIN = 600.0  # seconds before the same warning is written again
_MOST = 500
_EXCEPTIONS = logging.Formatter()

log = logging.getLogger(__name__)


class Decency(logging.Filter):
    """Masks secrets in our records and drops warnings that say what was said within the last ten minutes; other records pass."""

    def __init__(self, secrets: Callable[[], Iterable[str]], clock: Callable[[], float] = time.monotonic):
        super().__init__()
        self._secrets, self._clock = secrets, clock
        self._said: OrderedDict[tuple[str, str], float] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        if not (record.name == NAME or record.name.startswith(f"{NAME}.")):
            return True
        if "decent" not in record.__dict__:  # several handlers ask about one record
            self._mask(record)
            record.__dict__["decent"] = self._is_news(record)
        return bool(record.__dict__["decent"])

    def _mask(self, record: logging.LogRecord) -> None:
        known = tuple(self._secrets())
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            return  # a wrong format: the handler tells
        record.msg, record.args = redact(text, known), None
        if record.exc_info:
            record.exc_text = redact(record.exc_text or _EXCEPTIONS.formatException(record.exc_info), known)

    def _is_news(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        key, now = (record.name, str(record.msg)), self._clock()
        if now - self._said.get(key, -_AGAIN) < _AGAIN:
            return False
        self._said[key] = now
        self._said.move_to_end(key)
        while len(self._said) > _MOST:
            self._said.popitem(last=False)
        return True


class Logs:
    """Our loggers as the settings want them. `problem` says why a log file of our own cannot be written."""

    def __init__(self, secrets: Callable[[], Iterable[str]]):
        self._decency = Decency(secrets)
        self._logger = logging.getLogger(NAME)
        self._file: RotatingFileHandler | None = None
        self._settings: LoggingSettings | None = None
        self.problem = ""

    def use(self, settings: LoggingSettings | None) -> None:
        """Log as these settings say; None: as Salt does."""
        for handler in logging.getLogger().handlers:
            if self._decency not in handler.filters:
                handler.addFilter(self._decency)
        if settings == self._settings and not self.problem:
            return
        self.close()
        self._settings, self.problem = settings, ""
        if settings is None:
            return
        self._logger.setLevel(settings.level)
        if settings.log_location:
            self._open(settings)

    def close(self) -> None:
        """Go back to Salt's logging."""
        if self._file is not None:
            self._logger.removeHandler(self._file)
            self._file.close()
            self._file = None
        self._logger.setLevel(logging.NOTSET)
        self._logger.propagate = True

    def _open(self, settings: LoggingSettings) -> None:
        try:
            handler = RotatingFileHandler(
                settings.log_location or "", maxBytes=settings.log_max_size, backupCount=_KEPT, encoding="utf-8"
            )
        except OSError as error:
            self.problem = f"dynamiccluster:logging:log_location: {error}; Salt's logging is used until it can be written"
            log.error("%s", self.problem)
            return
        handler.setFormatter(logging.Formatter(settings.log_format))
        handler.addFilter(self._decency)
        self._logger.addHandler(handler)
        self._logger.propagate = False
        self._file = handler
