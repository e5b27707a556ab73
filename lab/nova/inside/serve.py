"""Serves one service's WSGI application: `python -m lab.nova.inside.serve SERVICE DIRECTORY`."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path

import waitress

from lab.nova.inside import thrift
from lab.nova.places import Place

_THREADS = 12


def main(service: str, directory: str) -> None:
    """Serve until killed."""
    place = Place(Path(directory))
    environment(service, place)
    sys.argv = [service]
    application = importlib.import_module(f"{service}.wsgi.api").application
    if service == "keystone":
        signal.signal(signal.SIGHUP, _read_again)
    if service == "neutron":
        # Left to the first requests it is not safe: of several at once some are answered as if there were nothing.
        importlib.import_module("neutron.policy").init()
        thrift.spare_neutron()
    serve(application, place.port(service))


def _read_again(*_: object) -> None:
    from keystone.conf import CONF

    CONF.reload_config_files()


def environment(service: str, place: Place) -> None:
    """Say where the service's configuration is."""
    etc = place.path / "etc" / service
    os.environ[f"OS_{service.upper()}_CONFIG_DIR"] = str(etc)
    if service == "glance":
        (etc / "glance-api.conf").unlink(missing_ok=True)
        (etc / "glance-api.conf").symlink_to("glance.conf")
    if service == "neutron":
        os.environ["OS_NEUTRON_CONFIG_FILES"] = "neutron.conf"
    if service == "nova":
        # The first one is where Nova looks for its pipelines.
        os.environ["OS_NOVA_CONFIG_FILES"] = f"{sys.prefix}/etc/nova/api-paste.ini;nova.conf"


def serve(application: object, port: int) -> None:
    """Serve a WSGI application at a port of the loopback."""
    thrift.spare()
    waitress.serve(application, host="127.0.0.1", port=port, threads=_THREADS, ident="lab", clear_untrusted_proxy_headers=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
