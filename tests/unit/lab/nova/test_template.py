"""Places of stacks: each its own, gone with its process, and with passwords that only the owner reads."""

from __future__ import annotations

import os
import subprocess
from types import SimpleNamespace

import pytest

from lab.nova import configuration, places, template
from lab.nova.places import SERVICES, Place


@pytest.fixture
def place(tmp_path) -> Place:
    found = Place(tmp_path)
    users = ("admin", *SERVICES[1:], *places.ACCOUNTS)
    found.write_facts({"ports": {name: 7000 + number for number, name in enumerate(SERVICES)}, "secrets": {user: f"secret-of-{user}" for user in users}})
    return found


def test_each_service_has_its_address_in_the_others_files_and_files_are_the_owners(place):
    configuration.write(place)
    for service in SERVICES:
        file = place.path / "etc" / service / f"{service}.conf"
        assert file.stat().st_mode & 0o077 == 0
        assert service == "keystone" or place.url("keystone") in file.read_text()
        assert "secret-of-cluster" not in file.read_text()
    assert (place.path / "facts.json").stat().st_mode & 0o077 == 0


def test_keys_outlive_a_change_of_the_configuration(place):
    configuration.write(place)
    key = (place.path / "keys/fernet/0").read_bytes()
    configuration.write(place, token_seconds=5)
    assert (place.path / "keys/fernet/0").read_bytes() == key
    assert "expiration = 5\n" in (place.path / "etc/keystone/keystone.conf").read_text()


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(template, "roomy", lambda: tmp_path)
    ended = subprocess.Popen(["true"])
    ended.wait()
    dead, alive = tmp_path / f"dynamiccluster-nova-{ended.pid}-x", tmp_path / f"dynamiccluster-nova-{os.getppid()}-x"
    dead.mkdir()
    alive.mkdir()
    with template.scratch() as path:
        assert path.is_dir() and alive.is_dir() and not dead.exists()
    assert not path.exists()


@pytest.mark.parametrize(("free", "there"), [(5 * 2**30, True), (5 * 2**30, False), (2**30, True)])
def test_stacks_lie_in_memory_only_where_it_is_plenty(tmp_path, monkeypatch, free, there):
    memory = tmp_path / "shm"
    if there:
        memory.mkdir()
    monkeypatch.setattr(template, "_MEMORY", memory)
    monkeypatch.setattr(template.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert (template.roomy() == memory) is (there and free > 4 * 2**30)


def test_ports_differ():
    assert len(set(places.free_ports(SERVICES).values())) == len(SERVICES)
