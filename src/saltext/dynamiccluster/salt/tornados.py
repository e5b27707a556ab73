"""Salt 3006 brings a Tornado of its own, version 4.5, and answers every `import tornado` with it. The admin server needs the real one."""

from __future__ import annotations

import importlib
import sys

import salt  # noqa: F401, puts the finder into sys.meta_path


def use_real_tornado() -> None:
    """Have `import tornado` mean the installed package from now on, in this process. Salt goes on with its own copy."""
    others = [finder for finder in sys.meta_path if type(finder).__name__ != "TornadoImporter"]
    if len(others) == len(sys.meta_path):
        return
    # First bind pyzmq to Salt's copy: Salt's channels run on that one's loop, and wait for ever on another's.
    importlib.import_module("salt.transport.zeromq")
    sys.meta_path[:] = others
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "tornado" and module.__name__.startswith("salt.ext."):
            del sys.modules[name]
