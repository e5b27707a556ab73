"""Two Tornados in one process: Salt 3006's own for its channels, the installed one for the admin server."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("salt")

PROGRAM = """
from saltext.dynamiccluster.salt.tornados import use_real_tornado
use_real_tornado()
use_real_tornado()
import salt.transport.zeromq as transport
import tornado.web, zmq.eventloop.future
own = getattr(transport, "salt").__dict__.get("ext")
print(tornado.version_info[0], zmq.eventloop.future.IOLoop is (own.tornado.ioloop.IOLoop if own else tornado.ioloop.IOLoop))
"""


def test_the_admin_server_gets_the_installed_one_and_salt_keeps_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    version, fits = done.stdout.split()
    assert int(version) >= 6 and fits == "True", done.stderr
