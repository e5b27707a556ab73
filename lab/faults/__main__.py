"""A fault proxy before any API over HTTP: `python -m lab.faults UPSTREAM_HOST:PORT LISTEN_HOST:PORT SOCKET`; faults are switched on at SOCKET."""

from __future__ import annotations

import argparse
from pathlib import Path

from lab.ec2_front import Server, Upstream
from lab.ec2_messages import chain
from lab.faults import Faults, Table
from lab.faults.control import listen


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m lab.faults", description=__doc__)
    parser.add_argument("upstream")
    parser.add_argument("address")
    parser.add_argument("socket", type=Path)
    given = parser.parse_args()
    table = Table()
    listen(given.socket, table)
    host, _, port = given.address.rpartition(":")
    Server((host, int(port)), chain([Faults(table)], Upstream(given.upstream))).serve_forever()


if __name__ == "__main__":
    main()
