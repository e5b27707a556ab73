"""Makes a service's tables in its empty databases: `python -m lab.nova.inside.tables PART DIRECTORY`, a part being a service or `bootstrap`."""

from __future__ import annotations

import sys
from pathlib import Path

from lab.nova.inside.serve import environment
from lab.nova.places import REGION, Place


def _keystone(place: Place) -> None:
    _manage_keystone(place, "db_sync")


def _bootstrap(place: Place) -> None:
    """Make the first user and service; in a process of its own, as Keystone's tool takes one command."""
    _manage_keystone(
        place, "bootstrap", "--bootstrap-username", "admin", "--bootstrap-password", place.secret("admin"), "--bootstrap-project-name", "admin",
        "--bootstrap-service-name", "keystone", "--bootstrap-region-id", REGION, "--bootstrap-public-url", place.url("keystone"))


def _manage_keystone(place: Place, *words: str) -> None:
    from keystone.cmd import manage

    sys.argv = ["keystone-manage", "--config-file", str(place.path / "etc/keystone/keystone.conf"), *words]
    manage.main()


def _placement(place: Place) -> None:
    from placement.cmd import manage

    sys.argv = ["placement-manage", "--config-file", str(place.path / "etc/placement/placement.conf"), "db", "sync"]
    manage.main()


def _glance(place: Place) -> None:
    from glance.cmd import manage

    sys.argv = ["glance-manage", "--config-file", str(place.path / "etc/glance/glance.conf"), "db", "sync"]
    manage.main()


def _neutron(place: Place) -> None:
    """Make the tables from the models: the history of migrations takes many times as long, and none is to come."""
    import sqlalchemy
    from neutron.db.migration.models import head

    engine = sqlalchemy.create_engine(place.database("neutron"))
    head.get_metadata().create_all(engine)


def _nova(place: Place) -> None:
    from nova import monkey_patch

    monkey_patch.patch(backend="threading")
    from nova import config, context, objects
    from nova.db import migration

    sys.argv = ["nova-manage"]
    config.parse_args(sys.argv, default_config_files=[str(place.path / "etc/nova/nova.conf")])
    objects.register_all()
    migration.db_sync(database="api")
    admin = context.get_admin_context()
    names = {objects.CellMapping.CELL0_UUID: ("cell0", "nova_cell0", "none:///"), "5b0c9c2e-0000-4000-8000-000000000001": ("cell1", "nova", "fake:/")}
    for uuid, (name, database, transport) in names.items():
        cell = objects.CellMapping(admin, uuid=uuid, name=name, transport_url=transport, database_connection=place.database(database))
        cell.create()
        with context.target_cell(admin, cell) as inside:
            migration.db_sync(context=inside)


_PARTS = {"keystone": _keystone, "bootstrap": _bootstrap, "placement": _placement, "glance": _glance, "neutron": _neutron, "nova": _nova}

if __name__ == "__main__":
    part, directory = sys.argv[1:]
    environment("keystone" if part == "bootstrap" else part, Place(Path(directory)))
    _PARTS[part](Place(Path(directory)))
