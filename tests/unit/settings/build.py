"""Small valid settings, and how to change one place in them."""

from __future__ import annotations

import copy
from typing import Any

from saltext.dynamiccluster.errors import ConfigurationError, Fault
from saltext.dynamiccluster.settings import Machinery, Settings, load

ABSENT = object()

_BASE: dict[str, Any] = {
    "cluster": {"type": "sge"},
    "cloud": {
        "burst": {
            "type": "aws",
            "quantity": {"max": 4},
            "config": {
                "region_name": "ap-southeast-2",
                "image_id": "ami-12345678",
                "instance_type": "c5.large",
                "instance_name_prefix": "dc-",
            },
        },
        "private": {
            "type": "openstack",
            "quantity": {"max": 4},
            "config": {
                "auth_url": "https://keystone.example.org/v3",
                "username": "elastic",
                "password": "pass-word",
                "project": "hpc",
                "image_uuid": "8f9d6b1c-4e0a-4b59-9c6e-2f0f2d3b7a10",
                "flavor": "m1.small",
                "instance_name_prefix": "os-",
            },
        },
    },
}


def pillar(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return settings as the pillar holds them. `changes`: path with colons to value, ABSENT to remove it."""
    data = copy.deepcopy(_BASE)
    for path, value in (changes or {}).items():
        *above, last = path.split(":")
        place = data
        for key in above:
            place = place.setdefault(key, {})
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return data


def loaded(changes: dict[str, Any] | None = None) -> Settings:
    """Return the settings with these changes."""
    return load(pillar(changes))


def faults(changes: dict[str, Any] | None = None, machinery: Machinery | None = None) -> dict[str, Fault]:
    """Return the faults that these changes make, by path without the leading `dynamiccluster:`."""
    return faults_of(pillar(changes), machinery)


def faults_of(data: Any, machinery: Machinery | None = None) -> dict[str, Fault]:
    """Return the faults of some data, by path without the leading `dynamiccluster:`."""
    try:
        load(data, machinery=machinery)
    except ConfigurationError as error:
        assert len({fault.path for fault in error.faults}) == len(error.faults)
        return {fault.path.removeprefix("dynamiccluster:"): fault for fault in error.faults}
    return {}
