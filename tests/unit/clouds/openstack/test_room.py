"""What the quota leaves, counted for launches that run side by side."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.clouds.openstack.room import Room, shortage
from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import Shape
from tests.unit.clouds.openstack.stage import openstack

SMALL = Shape(2, 4096)
LIMITS = {"maxTotalInstances": 10, "totalInstancesUsed": 8, "maxTotalCores": 20, "totalCoresUsed": 16, "maxTotalRAMSize": -1, "totalRAMUsed": 10**9}


@pytest.mark.parametrize(
    ("changes", "count", "said"),
    [
        ({}, 1, ""),
        ({}, 2, ""),
        ({}, 3, "8 of 10 servers are used, 3 more are needed"),
        ({"totalCoresUsed": 19}, 1, "19 of 20 cores are used, 2 more are needed"),
        ({"maxTotalRAMSize": 10**9 + 4095}, 1, f"{10**9} of {10**9 + 4095} MiB of memory are used, 4096 more are needed"),
        ({"maxTotalInstances": -1, "maxTotalCores": -1}, 1000, ""),
        ({"totalInstancesUsed": 12}, 1, "12 of 10 servers are used, 1 more are needed"),
    ],
)
def test_what_is_short(changes, count, said):
    assert shortage({**LIMITS, **changes}, SMALL, count) == said
    assert shortage({}, SMALL, count) == ""


class Time:
    """A clock that only sleeping moves, and what the quota counts by then."""

    def __init__(self, fake):
        self.now, self.fake = 1000.0, fake

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now > 1002:
            self.fake.cloud.advance()


def test_a_launch_waits_until_the_one_before_it_is_counted(fake):
    fake.cloud.quota["instances"] = 2
    cloud, time = openstack(fake), Time(fake)
    room = Room(cloud.api, time.clock, time.sleep)
    for number in range(2):
        with room.taken_for(SMALL):
            fake.cloud.create({"server": {"name": f"s{number}", "flavorRef": "1", "imageRef": cloud.settings.image_uuid, "networks": "auto"}}, 2.9)
    with pytest.raises(CloudError) as error, room.taken_for(SMALL):
        raise AssertionError("there is no room")
    assert error.value.kind is Refusal.QUOTA and 1002 < time.now < 1012


def test_a_failed_launch_takes_no_room(fake):
    fake.cloud.quota["instances"] = 1
    time = Time(fake)
    room = Room(openstack(fake).api, time.clock, time.sleep)
    with pytest.raises(ValueError), room.taken_for(SMALL):
        raise ValueError
    with room.taken_for(SMALL):
        assert time.now == 1000.0


def test_a_quota_that_may_not_be_seen_keeps_nothing_up(fake):
    fake.cloud.hides_limits = True
    with Room(openstack(fake).api).taken_for(SMALL):
        assert openstack(fake).room.limits() == {}
