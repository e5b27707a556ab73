"""User-data: what a new machine runs at its first boot, a Jinja template of the administrator.

Every failure is a ConfigurationError whose fault names the pillar path of `userdata_file`, so that one wrong file is told
to the administrator and stops its own resource only.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..errors import ConfigurationError, Fault

VARIABLES = ("instance_name", "minion_id", "token", "master", "resource", "cluster", "hostname")
PREFIX = "instance_name_prefix"  # given where machines name themselves, with this before the end of their own ids
_NAMES = frozenset({"instance_name", "minion_id", "hostname"})  # what is only known of a machine that is launched alone
_LONGEST_NAME, _LONGEST_ID = 63, 17
_LARGEST_FILE = 1 << 20  # no cloud takes more; a pipe or a log given by mistake must neither block nor fill the memory


@dataclass(frozen=True, slots=True)
class Limit:
    """How much user-data a cloud takes, in octets: of the text itself, or of its base64 form when `encoded`."""

    octets: int
    encoded: bool = False

    def measure(self, text: str) -> int:
        """Return the size of the text as this limit counts it."""
        size = len(text.encode())
        return (size + 2) // 3 * 4 if self.encoded else size

    def __str__(self) -> str:
        return f"{self.octets} octets" + (" in base64" if self.encoded else "")


AWS_LIMIT = Limit(16 * 1024)
OPENSTACK_LIMIT = Limit(65535, encoded=True)


def setting_path(resource: str) -> str:
    """Return the pillar path of the resource's user-data file."""
    return f"dynamiccluster:cloud:{resource}:config:userdata_file"


def load(file: str, path: str) -> str:
    """Read the template. Raises ConfigurationError with a fault at `path` when it cannot be read as UTF-8 text."""
    try:
        status = Path(file).stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_FILE:
            raise _fault(path, f"{file} is no file of at most {_LARGEST_FILE} octets", "name a user-data file")
        return Path(file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _fault(path, f"there is no file {file}", "create it, or correct the path") from None
    except UnicodeDecodeError:
        raise _fault(path, f"{file} is not UTF-8 text", "save it as UTF-8") from None
    except OSError as error:
        hint = "let the user that runs the salt-master read it"
        raise _fault(path, f"cannot read {file}: {error.strerror}", hint) from None


def render(text: str, variables: Mapping[str, Any], *, limit: Limit, path: str) -> str:
    """Render the template in a sandbox, an unknown variable being an error, and check the size of the result.

    Raises ConfigurationError with a fault at `path`; its message never holds the token.
    """
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    try:
        result = environment.from_string(text).render(dict(variables))
    except TemplateSyntaxError as error:
        raise _fault(path, f"line {error.lineno}: {error.message}", "correct the template's Jinja") from None
    except UndefinedError as error:
        hint = f"known variables: {', '.join(sorted({*VARIABLES, *variables}))}; put text that is not ours between raw and endraw"
        raise _fault(path, _without_token(error, variables), hint) from None
    except SecurityError as error:
        raise _fault(path, _without_token(error, variables), "use plain variables, filters and loops") from None
    except Exception as error:  # a template can raise anything; whatever it is, the administrator's file is at fault
        problem = f"{type(error).__name__}: {_without_token(error, variables)}"
        raise _fault(path, problem, "correct the template") from None
    size = limit.measure(result)
    if size > limit.octets:
        hint = "shorten it, or let it fetch its larger part at boot"
        raise _fault(path, f"the rendered user-data has {size} octets, the cloud takes {limit}", hint)
    return result


def prepare(file: str | None, variables: Mapping[str, str], *, limit: Limit, resource: str) -> str:
    """Return a machine's user-data, "" when the resource has no `userdata_file`. Raises ConfigurationError."""
    if not file:
        return ""
    path = setting_path(resource)
    return render(load(file, path), variables, limit=limit, path=path)


def prepare_shared(file: str, variables: Mapping[str, str], *, limit: Limit, resource: str) -> str:
    """Return the user-data that machines share which name themselves. `variables` hold PREFIX, and no names. Raises ConfigurationError."""
    path = setting_path(resource)
    if len(variables[PREFIX]) + _LONGEST_ID > _LONGEST_NAME:
        most = _LONGEST_NAME - _LONGEST_ID
        raise _fault(path, f"its machines name themselves after their ids, for which {PREFIX} is too long", f"{PREFIX}: at most {most} characters")
    return render(load(file, path), variables, limit=limit, path=path)


def names_itself(file: str | None) -> bool:
    """Tell whether each machine with user-data of this template names itself after its own id, so that several may share it."""
    if not file:
        return False
    try:
        used = find_undeclared_variables(ImmutableSandboxedEnvironment().parse(load(file, "")))
    except (TemplateError, ConfigurationError):
        return False  # what is wrong with it is told when it is rendered
    return PREFIX in used and not used & _NAMES


def _fault(path: str, problem: str, hint: str) -> ConfigurationError:
    return ConfigurationError((Fault(path, problem, hint),))


def _without_token(error: Exception, variables: Mapping[str, Any]) -> str:
    text = str(error)
    return text.replace(variables["token"], "***") if variables.get("token") else text
