"""What all tests need."""

from __future__ import annotations

import sys

try:
    import salt  # noqa: F401
except ImportError:
    pass

# Salt puts a finder of the old kind into sys.meta_path, which pytest asks for find_spec.
for finder in sys.meta_path:
    if not hasattr(finder, "find_spec"):
        type(finder).find_spec = lambda self, name, path=None, target=None: None

# Salt keeps records back and writes them when Python ends, by then into a stream that pytest has closed.
if "salt" in sys.modules:
    from salt._logging.impl import shutdown_temp_handler

    shutdown_temp_handler()
