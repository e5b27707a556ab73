"""Faults: all at once, each with its path and what to do; and what is accepted, exactly."""

from __future__ import annotations

import datetime
import pickle
import traceback
from collections import OrderedDict
from types import MappingProxyType

import pytest
import yaml
from saltext.dynamiccluster.errors import ConfigurationError
from saltext.dynamiccluster.settings import Settings, load

from tests.unit.settings.build import ABSENT, faults, faults_of, loaded, pillar
from tests.unit.settings.examples import ROOT

GENERAL = "dynamic-cluster"


def predecessor():
    return yaml.safe_load((ROOT / "tests/data/predecessor.yaml").read_text())


def test_a_small_pillar_is_enough():
    settings = load({"cluster": {"type": "sge"}})
    assert settings.name == "default"
    assert settings.dynamic_cluster.max_idle_time == 600.0
    assert settings.cluster.config.queue_to_monitor == ()
    assert settings.cloud == {} and settings.logging is None


def test_a_dynamiccluster_yaml_of_version_1_goes_in_unchanged():
    settings = load(predecessor())
    config = settings.cluster.config
    assert settings.dynamic_cluster.worker_number == 3
    assert settings.dynamic_cluster.config_checker.kind == "salt"
    assert settings.plugins["graphite"].arguments.prefix == "headnode.dynamiccluster"
    assert config.queue_to_monitor == ("short", "long")
    assert all(getattr(config, name).is_builtin for name in type(config).model_fields if name in _commands(config))
    assert settings.cloud["nectar"].reservation.queue == "short"
    assert settings.cloud["burst"].config.spot_timeout == 600.0
    assert settings.cloud["burst"].config.proxy is None


def _commands(config):
    return [name for name in type(config).model_fields if name.endswith("_command") and "post_" not in name and "restart" not in name]


def test_all_faults_come_at_once_each_with_its_path_and_a_hint():
    found = faults(
        {
            f"{GENERAL}:max_idle_tme": 5,
            f"{GENERAL}:max_down_time": "soon",
            "cluster:type": "slurm",
            "cloud:burst:quantity": {"min": 3, "max": 2},
            "cloud:burst:config:instance_type": ABSENT,
            "cloud:burst:config:spot_timeout": 60,
            "cloud:private:config:auth_url": "keystone",
            "logging:log_level": 7,
            "plugins:x:class_name": "nodots",
        }
    )
    assert {path: fault.problem for path, fault in found.items()} == {
        "dynamic-cluster:max_idle_tme": "unknown key",
        "dynamic-cluster:max_down_time": "'soon' is not a duration",
        "cluster:type": "'slurm' is not a batch system that this version knows",
        "cloud:burst:quantity:max": "max (2) is less than min (3)",
        "cloud:burst:config:instance_types": "exactly one of instance_type and instance_types is needed",
        "cloud:burst:config:spot_timeout": "spot_timeout without spot_bid",
        "cloud:private:config:auth_url": "not an http or https address",
        "logging:log_level": "7 is out of range",
        "plugins:x:class_name": "not the dotted name of a class",
    }
    assert all(fault.hint for fault in found.values())
    assert found["dynamic-cluster:max_idle_tme"].hint == "did you mean max_idle_time?"
    assert "sge, torque" in found["cluster:type"].hint


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("dynamic_cluster", "dynamic-cluster"),
        ("clouds", "cloud"),
        (f"{GENERAL}:admin_server", "admin-server"),
        (f"{GENERAL}:maxidletime", "max_idle_time"),
        (f"{GENERAL}:limits:max_node", "max_nodes"),
        ("cluster:config:qstat_comand", "qstat_command"),
        ("cloud:burst:qantity", "quantity"),
        ("cloud:burst:config:userdata", "userdata_file"),
        ("cloud:private:config:pasword", "password"),
    ],
)
def test_unknown_keys_name_the_likeliest_one(path, meant):
    assert faults({path: "x"})[path].hint == f"did you mean {meant}?"


def test_an_unknown_key_like_nothing_lists_what_is_known():
    assert "max_nodes, max_launches_per_hour" in faults({f"{GENERAL}:limits:zzz": 1})[f"{GENERAL}:limits:zzz"].hint
    assert faults({f"{GENERAL}:config-checker:salt:zzz": 1})[f"{GENERAL}:config-checker:salt:zzz"].hint == "nothing can be set here"


@pytest.mark.parametrize("data", [None, {}, "", "text", [], ["cluster"], 7, True, [("cluster", {"type": "sge"})], {"cluster"}])
def test_what_is_no_mapping_is_one_fault(data):
    (fault,) = faults_of(data).values()
    assert fault.path == "dynamiccluster" and fault.hint


def test_one_dynamiccluster_too_many():
    (fault,) = faults_of({"dynamiccluster": pillar()}).values()
    assert fault.path == "dynamiccluster:dynamiccluster" and "once" in fault.hint


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{GENERAL}:auto_mode", 1),
        (f"{GENERAL}:auto_mode", "maybe"),
        (f"{GENERAL}:auto_mode", []),
        (f"{GENERAL}:worker_number", 2.0),
        (f"{GENERAL}:worker_number", True),
        (f"{GENERAL}:worker_number", "two"),
        (f"{GENERAL}:worker_number", 0),
        (f"{GENERAL}:worker_number", 10**30),
        (f"{GENERAL}:cluster_poller_interval", 0),
        (f"{GENERAL}:cloud_poller_interval", "0s"),
        (f"{GENERAL}:max_launch_time", -1),
        (f"{GENERAL}:limits:max_nodes", 0),
        (f"{GENERAL}:limits:max_launches_per_hour", -3),
        (f"{GENERAL}:limits:max_cost_per_day", 0),
        (f"{GENERAL}:limits:max_cost_per_day", float("nan")),
        (f"{GENERAL}:limits", "many"),
        (f"{GENERAL}:admin-server:port", 70000),
        (f"{GENERAL}:admin-server:address", "not a host"),
        (f"{GENERAL}:hook_timeout", 0),
        ("name", "a/b"),
        ("name", 7),
        ("cluster:config:queue_to_monitor", "short"),
        ("cluster:config:queued_job_number_to_display", -1),
        ("cluster:config:host_group", "allhosts"),
        ("cloud:burst:priority", "high"),
        ("cloud:burst:price", -1),
        ("cloud:burst:price", "cheap"),
        ("cloud:burst:reservation:queue", "a;b"),
        ("cloud:burst:quantity:max", "1e3"),
        ("logging:log_format", "%(nonsense"),
        ("logging:log_location", "relative/file"),
        ("plugins:graphite:arguments:prefix", "a b"),
    ],
)
def test_values_that_are_refused_at_their_path(path, value):
    assert set(faults({path: value})) == {path}


@pytest.mark.parametrize(
    ("path", "value", "read"),
    [
        (f"{GENERAL}:auto_mode", "no", False),
        (f"{GENERAL}:auto_mode", "True", True),
        (f"{GENERAL}:worker_number", "4", 4),
        (f"{GENERAL}:max_idle_time", 0, 0.0),
        (f"{GENERAL}:max_idle_time", "1h30m", 5400.0),
        (f"{GENERAL}:max_idle_time", None, 600.0),
        (f"{GENERAL}:max_idle_time", " ", 600.0),
        (f"{GENERAL}:hostname", "private_dns", "private_dns"),
    ],
)
def test_values_that_are_accepted(path, value, read):
    assert getattr(loaded({path: value}).dynamic_cluster, path.rpartition(":")[2]) == read


def test_texts_that_yaml_reads_as_numbers_want_quotes():
    fault = faults({"cloud:private:config:password": 1234567})["cloud:private:config:password"]
    assert "quotes" in fault.hint and "1234567" not in str(fault)


@pytest.mark.parametrize("section", [GENERAL, "plugins", "logging", f"{GENERAL}:admin-server", f"{GENERAL}:limits", "cluster:config"])
def test_empty_sections_are_as_if_absent(section):
    assert loaded({section: None}) == loaded()


@pytest.mark.parametrize("empty", [None, "", " "])
def test_t7_empty_queue_to_monitor_means_all_queues(empty):
    assert loaded({"cluster:config:queue_to_monitor": empty}).cluster.config.queue_to_monitor == ()
    assert loaded({"cluster:config:queue_to_monitor": ["short"]}).cluster.config.queue_to_monitor == ("short",)


def test_an_empty_needed_key_is_missing():
    found = faults({"cloud:burst:quantity:max": None, "cluster:type": "", "cloud:private:config:flavor": None})
    assert {path: fault.problem for path, fault in found.items()} == dict.fromkeys(
        ["cloud:burst:quantity:max", "cluster:type", "cloud:private:config:flavor"], "missing"
    )


def test_an_empty_resource_lists_all_that_it_needs():
    found = faults({"cloud:new": None})
    assert set(found) == {"cloud:new:type", "cloud:new:quantity"}


def test_the_cluster_is_needed():
    assert set(faults_of({"name": "x"})) == {"cluster"}


@pytest.mark.parametrize(
    ("value", "word"),
    [(datetime.date(2026, 1, 1), "date"), (b"x", "bytes"), ({1, 2}, "set"), (object(), "object"), (1j, "complex")],
)
def test_values_of_other_types_are_named(value, word):
    (fault,) = faults({"name": value}).values()
    assert word in fault.problem and "quotes" in fault.hint


def test_what_only_follows_from_a_fault_is_not_told():
    (fault,) = faults({"cloud:burst:quantity:max": datetime.date(2026, 1, 1)}).values()
    assert "date" in fault.problem  # not: missing


@pytest.mark.parametrize("name", [7, None, True, 1.5, ("a",), "", " ", "a\0b", "\ud800"])
def test_names_that_are_no_text(name):
    (fault,) = faults_of(pillar() | {"cloud": {name: {"type": "aws"}}}).values()
    assert fault.path == "dynamiccluster:cloud"
    str(fault).encode()


def test_a_resource_of_a_wrong_name_is_told_at_its_path():
    (fault,) = faults({"cloud:my burst!": pillar()["cloud"]["burst"] | {"type": "aws"}, "cloud:burst": ABSENT}).values()
    assert fault.path == "dynamiccluster:cloud:my burst!" and "name" in fault.problem


def test_lone_surrogates_do_not_get_through():
    (fault,) = faults({"cloud:burst:config:key_name": "\ud800"}).values()
    assert fault.path.endswith("key_name")


def test_a_yaml_anchor_that_contains_itself_is_a_fault():
    loop: dict = {}
    loop["again"] = loop
    (fault,) = faults({"plugins:mine": {"class_name": "site.Reporter", "arguments": loop}}).values()
    assert "deeply" in fault.problem


def test_an_endless_list_is_one_fault():
    found = faults({"plugins:mine": {"class_name": "site.Reporter", "arguments": {"many": list(range(50_000))}}})
    assert len(found) == 1 and "more than" in next(iter(found.values())).problem


def test_any_mapping_is_taken_and_copied():
    data = pillar()
    inner = {"path": "/a"}
    data[GENERAL] = OrderedDict({"config-checker": MappingProxyType({"plugin": {"name": "site.Ready", "arguments": inner}})})
    settings = load(MappingProxyType(data))
    inner["path"] = "/changed"
    assert settings.dynamic_cluster.config_checker.plugin.arguments == {"path": "/a"}


def test_settings_cannot_be_changed():
    settings = loaded()
    with pytest.raises(ValueError, match="frozen"):
        settings.cloud["burst"].quantity.max = 99
    with pytest.raises(ValueError, match="frozen"):
        settings.name = "other"


def test_equal_pillars_make_equal_settings_that_travel_to_a_worker_process():
    first, second = loaded(), loaded()
    assert first == second and pickle.loads(pickle.dumps(first)) == second
    assert first != loaded({"cloud:burst:quantity:max": 5})


def test_settings_written_out_are_read_back_the_same():
    for data in (predecessor(), pillar()):
        settings = load(data)
        assert isinstance(settings, Settings)
        assert load(settings.model_dump(by_alias=True)) == settings


def test_no_secret_in_the_error_its_chain_or_the_settings_own_text():
    changes = {
        "cloud:private:config:password": "S3CRET-pw",
        "cloud:private:config:flavor": ["S3CRET-list"],
        "cloud:private:config:pass_word": "S3CRET-unknown",
        "cloud:private:config:auth_url": "ftp://user:S3CRET-url@host/",
        "cloud:burst:config:secret_access_key": ["S3CRET-key"],
        "cloud:burst:config:proxy": "socks://user:S3CRET-proxy@host:1",
    }
    with pytest.raises(ConfigurationError) as caught:
        load(pillar(changes))
    assert len(caught.value.faults) == 5
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(caught.value.faults)
    assert "S3CRET" not in shown
    assert caught.value.__cause__ is None and caught.value.__context__ is None
    good = {"cloud:private:config:password": "S3CRET-pw", "cloud:private:config:auth_url": "https://u:S3CRET-url@host/"}
    assert "S3CRET" not in repr(loaded(good)) + str(loaded(good))
