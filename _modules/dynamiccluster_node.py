"""
What a worker node knows of itself. Needs Salt and the standard library only, so that it can be synced to any minion.

For highstates and orchestrations that must know whether a node really serves:

.. code-block:: yaml

    execd_is_up:
      module.run:
        - dynamiccluster_node.execd_running: []
"""

from __future__ import annotations

import os
import re
from pathlib import Path

__version__ = "2.0.0"
__virtualname__ = "dynamiccluster_node"


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
