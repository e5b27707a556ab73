from __future__ import annotations

import pytest
from saltext.dynamiccluster.settings import HostnameCommand

from tests.unit.settings.build import faults, loaded

GENERAL = "dynamic-cluster"


@pytest.mark.parametrize(
    ("written", "quiet", "most"),
    [(None, 1, 10), (2, 2, 10), ("30s", 30, 30), ({"quiet": 3}, 3, 10), ({"most": 5}, 1, 5), ({"quiet": 0, "most": 0}, 0, 0), (20, 20, 20)],
)
def test_batch_window(written, quiet, most):
    window = loaded({f"{GENERAL}:batch_window": written}).dynamic_cluster.batch_window
    assert (window.quiet, window.most) == (quiet, most)


@pytest.mark.parametrize(
    ("written", "path"),
    [({"quiet": 5, "most": 2}, ":most"), (-1, ":quiet"), ("x", ":quiet"), ([1, 10], ""), (True, ":quiet"), ({"max": 3}, ":max")],
)
def test_batch_windows_that_make_no_sense(written, path):
    assert set(faults({f"{GENERAL}:batch_window": written})) == {f"{GENERAL}:batch_window{path}"}


def test_hostname_command():
    rule = loaded({f"{GENERAL}:hostname": {"command": "/bin/name {0} {1}"}}).dynamic_cluster.hostname
    assert isinstance(rule, HostnameCommand)
    assert rule.command.argv("10.0.0.1", "dc-abc234", "burst") == ("/bin/name", "10.0.0.1", "dc-abc234")


@pytest.mark.parametrize(
    ("written", "path"),
    [("command", ""), ("public", ""), (7, ""), ({}, ":command"), ({"command": "/bin/name {3}"}, ":command"), ({"cmd": "x"}, ":cmd")],
)
def test_hostname_rules_that_are_refused(written, path):
    assert f"{GENERAL}:hostname{path}" in faults({f"{GENERAL}:hostname": written})


@pytest.mark.parametrize("given", [{"tls_certificate": "/a.crt"}, {"tls_key": "/a.key"}])
def test_certificate_and_key_belong_together(given):
    assert set(faults({f"{GENERAL}:admin-server": given})) == {f"{GENERAL}:admin-server:tls_key"}


def test_certificate_with_key():
    both = {"tls_certificate": "/a.crt", "tls_key": "/a.key", "address": "::1"}
    assert loaded({f"{GENERAL}:admin-server": both}).dynamic_cluster.admin_server.tls_key == "/a.key"


@pytest.mark.parametrize("old", ["worker_process_number", "worker_thread_number"])
def test_old_spellings_of_worker_number(old):
    assert loaded({f"{GENERAL}:{old}": 5}).dynamic_cluster.worker_number == 5
    assert set(faults({f"{GENERAL}:{old}": 0})) == {f"{GENERAL}:{old}"}


def test_both_spellings_are_one_too_many():
    assert f"{GENERAL}:worker_process_number" in faults({f"{GENERAL}:worker_process_number": 5, f"{GENERAL}:worker_number": 5})


@pytest.mark.parametrize("hook", ["post_vm_provision_command", "post_vm_destroy_command"])
def test_hooks_know_four_values(hook):
    command = getattr(loaded({f"{GENERAL}:{hook}": "/x {3} {0}"}).dynamic_cluster, hook)
    assert command.argv("n1", "10.0.0.1", "dc-1", "burst") == ("/x", "burst", "n1")
    assert "{3} the resource's name" in faults({f"{GENERAL}:{hook}": "/x {4}"})[f"{GENERAL}:{hook}"].hint


def test_old_cluster_hooks_go_in():
    config = loaded({"cluster:config:post_add_node_command": "/x {0} {1}"}).cluster.config
    assert config.post_add_node_command.argv("n1", "") == ("/x", "n1", "")
    assert config.post_remove_node_command is None
