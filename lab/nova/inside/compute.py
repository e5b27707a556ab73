"""All of Nova in one process, so that its parts reach each other without a message broker: `python -m lab.nova.inside.compute DIRECTORY`."""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from lab.nova.inside import thrift
from lab.nova.inside.serve import environment, serve
from lab.nova.places import COMPUTES, Place

_WITHIN_S = 120.0


def main(directory: str) -> None:
    """Start conductor, scheduler and computes, then serve the API until killed."""
    place = Place(Path(directory))
    environment("nova", place)
    sys.argv = ["nova"]
    from nova.wsgi import osapi_compute

    _settle(place)
    for host, binary, topic in (("head", "nova-conductor", "conductor"), ("head", "nova-scheduler", "scheduler")):
        _start(host, binary, topic)
    for service in ("keystone", "placement"):
        _await(place.url(service))
    for host in COMPUTES:
        _start(host, "nova-compute", "compute")
    _map_hosts()
    serve(osapi_compute.application, place.port("nova"))


def _settle(place: Place) -> None:
    """Make the lab's driver known to Nova, which looks for drivers below its own package, and spare what a fake host need not do."""
    import nova.virt
    import nova.virt.node

    from lab.nova.inside import driver

    driver.Driver.directory = place.path
    sys.modules["nova.virt.lab"] = driver
    if nova.virt.node.read_local_node_uuid() is None:
        # Any will do: the driver says which id each host has, but Nova does not start again without this one.
        nova.virt.node.write_local_node_uuid("5b0c9c2e-0000-4000-8000-0000000000ff")
    thrift.spare_nova()


def _start(host: str, binary: str, topic: str) -> None:
    from nova import service

    one: Any = service.Service.create(host=host, binary=binary, topic=topic)
    one.start()
    # Without a sign of life the scheduler would leave the host out until the first one is due.
    one.service_ref.report_count += 1
    one.service_ref.save()


def _map_hosts() -> None:
    """Have the scheduler know the hosts, which it does not find by itself at their first start."""
    from nova import context
    from nova.objects import host_mapping

    host_mapping.discover_hosts(context.get_admin_context())


def _await(url: str) -> None:
    ends = time.monotonic() + _WITHIN_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1])
