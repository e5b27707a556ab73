"""Kinds of values. Each reader says exactly what it takes; no reader ever repeats a value that may be a secret."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, SecretStr

from .durations import parse_duration, parse_positive_duration
from .section import Wrong

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]*")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", re.ASCII)
RANDOM_PART = 6  # characters that follow the prefix in an instance's name
_LONGEST_LABEL = 63


def read_flag(value: Any) -> bool:
    """Return the truth value of True, False, or one of the words that YAML takes for them."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _WORDS:
        return _WORDS[value.strip().lower()]
    raise Wrong("True or False is needed", "write True or False without quotes")


def read_whole(value: Any) -> int:
    """Return a whole number, also one in quotes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _bounded(value)
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", value):
        return int(value)
    raise Wrong("a whole number is needed", "write digits only, like 8")


def read_number(value: Any) -> float:
    """Return a finite number, also one in quotes."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?\s*", value):
        return float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18:
        return float(value)
    raise Wrong("a number is needed", "write it like 0.25")


def read_text(value: Any) -> str:
    """Return text without the blanks around it, on one line."""
    return _one_line(_only_text(value).strip())


def read_secret(value: Any) -> SecretStr:
    """Return a secret, exactly as written; a line break in it is surely an accident."""
    if isinstance(value, SecretStr):
        return value
    return SecretStr(_one_line(_only_text(value)))


def read_list(value: Any) -> list[Any]:
    """Return a list without repeats."""
    if not isinstance(value, (list, tuple)):
        raise Wrong("a list is needed", "write it as [one, two], or one `- item` a line")
    texts = [item for item in value if isinstance(item, str)]
    repeated = next((text for text in texts if texts.count(text) > 1), None)
    if repeated is not None:
        raise Wrong(f"{repeated[:80]!r} is listed twice", "list it once")
    return list(value)


def read_mapping(value: Any) -> dict[str, Any]:
    """Return a mapping; empty ones may be written as nothing."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Wrong("must be a mapping", "write `name: value` lines, indented below it")
    return value


def read_prefix(value: str) -> str:
    """Return the prefix in lower case. With six more characters it must be one label of a host name."""
    prefix = value.lower()
    if not _LABEL.fullmatch(prefix):
        raise Wrong(
            "an instance's name is a host name: only letters, digits and dashes, no dash first",
            f"for example {re.sub('[^a-z0-9]+', '-', prefix[:20]).lstrip('-') or 'dc-'}",
        )
    if len(prefix) + RANDOM_PART > _LONGEST_LABEL:
        raise Wrong("too long", f"at most {_LONGEST_LABEL - RANDOM_PART} characters: six more follow, 63 are allowed")
    return prefix


def read_name(value: str) -> str:
    """Return a name that may stand in event tags, host names' tags and addresses of the REST API."""
    if not NAME.fullmatch(value):
        raise Wrong("not a usable name", "letters, digits, and _ . - after the first, 63 characters at most")
    return value


def read_host(value: str) -> str:
    """Return a host name or an IP address."""
    if not _HOST.fullmatch(value) and not is_address(value):
        raise Wrong("not a host name or an IP address", "for example localhost or 192.0.2.10")
    return value


def read_url(value: str) -> str:
    """Return an http or https address. The message never repeats it: it may hold a password."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", value):
        raise Wrong("not an http or https address", "for example https://cloud.example.org:5000/v3")
    return value


def read_path(value: str) -> str:
    """Return an absolute path; whether it exists is seen when it is used."""
    if not value.startswith("/"):
        raise Wrong("an absolute path is needed", "begin it with /")
    return value


def read_dotted(value: str) -> str:
    """Return a class's dotted name."""
    if not _DOTTED.fullmatch(value):
        raise Wrong("not the dotted name of a class", "for example mysite.checks.Ready")
    return value


def is_address(value: str) -> bool:
    """Tell whether the text is an IP address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def matching(pattern: str, problem: str, hint: str) -> Callable[[str], str]:
    """Return a reader that takes only texts which match the whole pattern."""
    compiled = re.compile(pattern, re.ASCII)

    def read(value: str) -> str:
        if not compiled.fullmatch(value):
            raise Wrong(problem, hint)
        return value

    return read


def between(low: float, high: float = math.inf) -> Callable[[Any], Any]:
    """Return a check that a number lies in a range, both ends included."""
    wanted = f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"

    def check(value: Any) -> Any:
        if not low <= value <= high:
            raise Wrong(f"{value:g} is out of range", f"it must be {wanted}")
        return value

    return check


def positive(value: float) -> float:
    """Return the number if it is above zero."""
    if value <= 0:
        raise Wrong(f"{value:g} is out of range", "it must be above 0")
    return value


def _only_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise Wrong("text is needed", "put it in quotes: YAML reads it as something else (0123 even as another number)")


def _one_line(text: str) -> str:
    if not text or any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise Wrong("text on one line is needed", "it is empty, or holds a line break or a control character")
    return text


def _bounded(value: int) -> int:
    if abs(value) >= 10**18:
        raise Wrong("this number is too large", "check the value")
    return value


Flag = Annotated[bool, BeforeValidator(read_flag)]
Whole = Annotated[int, BeforeValidator(read_whole)]
Count = Annotated[Whole, AfterValidator(between(0, 100_000))]
AtLeastOne = Annotated[Whole, AfterValidator(between(1, 100_000))]
Port = Annotated[Whole, AfterValidator(between(1, 65535))]
Number = Annotated[float, BeforeValidator(read_number)]
Price = Annotated[Number, AfterValidator(between(0))]
Positive = Annotated[Number, AfterValidator(positive)]
Seconds = Annotated[float, BeforeValidator(parse_duration)]
PositiveSeconds = Annotated[float, BeforeValidator(parse_positive_duration)]
Text = Annotated[str, BeforeValidator(read_text)]
Secret = Annotated[SecretStr, BeforeValidator(read_secret), PlainSerializer(lambda secret: secret)]
Name = Annotated[Text, AfterValidator(read_name)]
HostName = Annotated[Text, AfterValidator(read_host)]
Url = Annotated[Text, AfterValidator(read_url)]
Path = Annotated[Text, AfterValidator(read_path)]
Prefix = Annotated[Text, AfterValidator(read_prefix)]
Dotted = Annotated[Text, AfterValidator(read_dotted)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(read_list)]
Queue = Annotated[
    Text,
    AfterValidator(matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", "not a queue's name", "letters, digits, and _ . -")),
]
Account = Annotated[
    Text,
    AfterValidator(
        matching(r"@?[A-Za-z0-9_][A-Za-z0-9_.:+-]*", "not an account or host group", "letters, digits, and _ . : + -")
    ),
]
HostGroup = Annotated[
    Text,
    AfterValidator(matching(r"@[A-Za-z0-9_][A-Za-z0-9_.-]*", "not a host group", "its name begins with @, like @allhosts")),
]
Tags = Annotated[dict[str, Text], BeforeValidator(read_mapping)]
Arguments = Annotated[dict[str, Any], BeforeValidator(read_mapping)]
