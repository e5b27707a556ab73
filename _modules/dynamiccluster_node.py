"""
What a worker node knows of itself. Needs Salt and the standard library only, so that it can be synced to any minion.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

__version__ = "2.0.0"
__virtualname__ = "dynamiccluster_node"

_GRAIN = "dynamiccluster_token"


def __virtual__():
    if not Path("/proc/self/status").exists():
        return False, "dynamiccluster_node needs Linux: it reads /proc"
    return __virtualname__


def facts():
    """
    Return what this node has: cores this process may use, and memory in MiB.

    CLI Example:

    .. code-block:: bash

        salt 'dc-*' dynamiccluster_node.facts
    """
    memory = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {"cores": len(os.sched_getaffinity(0)), "memory_mb": int(memory.group(1)) // 1024 if memory else 0}


def execd_running(name="sge_execd"):
    """
    Tell whether the execution daemon runs on this node.

    CLI Example:

    .. code-block:: bash

        salt 'dc-*' dynamiccluster_node.execd_running
    """
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().strip() == name[:15]:
                return True
        except OSError:
            continue  # it ended while we looked
    return False


def drop_token(test=False):
    """
    Remove the spent one-time token from the minion's configuration; return the files that held it.

    CLI Example:

    .. code-block:: bash

        salt 'dc-*' dynamiccluster_node.drop_token
    """
    folder = Path(__opts__["conf_file"]).parent / "minion.d"  # noqa: F821, Salt puts __opts__ here
    line = re.compile(rf"^\s*{_GRAIN}\s*:.*\n?", re.MULTILINE)
    held = [path for path in sorted(folder.glob("*.conf")) if line.search(path.read_text())]
    for path in () if test else held:
        _replace(path, line.sub("", path.read_text()))
    return [str(path) for path in held]


def _replace(path, text):
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(temporary, path)
