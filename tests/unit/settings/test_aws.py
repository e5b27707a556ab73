from __future__ import annotations

import pytest

from tests.unit.settings.build import ABSENT, faults, loaded

CONFIG = "cloud:burst:config"


def config(**changes):
    return loaded({f"{CONFIG}:{key}": value for key, value in changes.items()}).cloud["burst"].config


def test_defaults():
    plain = config()
    assert plain.types == ("c5.large",) and plain.subnets == ()
    assert plain.access_key_id is None and plain.use_public_ip_address is None and plain.proxy_url is None
    assert plain.validate_certs is True


def test_several_types_and_subnets():
    several = config(instance_type=ABSENT, instance_types=["c5.9xlarge", "u-6tb1.metal"], subnet_ids=["subnet-1", "subnet-2"])
    assert several.types == ("c5.9xlarge", "u-6tb1.metal")
    assert several.subnets == ("subnet-1", "subnet-2")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"instance_types": ["c5.large"]}, "instance_types"),
        ({"instance_type": ABSENT}, "instance_types"),
        ({"instance_type": "huge"}, "instance_type"),
        ({"instance_type": ABSENT, "instance_types": ["c5.large", "c5.large"]}, "instance_types"),
        ({"subnet_id": "subnet-1", "subnet_ids": ["subnet-2"]}, "subnet_ids"),
        ({"subnet_id": "10.0.0.0/8"}, "subnet_id"),
        ({"subnet_id": "subnet-1", "security_groups": ["default"]}, "security_groups"),
        ({"subnet_ids": ["subnet-1"], "security_groups": ["sg-1", "ssh"]}, "security_groups"),
        ({"security_groups": "default"}, "security_groups"),
        ({"security_groups": ["a", 7]}, "security_groups:1"),
        ({"spot_timeout": "5m"}, "spot_timeout"),
        ({"spot_bid": 0}, "spot_bid"),
        ({"access_key_id": "AKIA"}, "secret_access_key"),
        ({"secret_access_key": "x"}, "secret_access_key"),
        ({"session_token": "x"}, "session_token"),
        ({"access_key_id": "AKIA", "secret_access_key": "x", "profile": "cluster"}, "profile"),
        ({"role_arn": "dynamiccluster"}, "role_arn"),
        ({"role_external_id": "physics"}, "role_external_id"),
        ({"sts_endpoint_url": "https://sts.example.org"}, "sts_endpoint_url"),
        ({"proxy_port": 3128}, "proxy_port"),
        ({"proxy": "http://proxy:3128", "proxy_port": 3128}, "proxy_port"),
        ({"proxy": "bad host"}, "proxy"),
        ({"endpoint_url": "localhost:5000"}, "endpoint_url"),
        ({"endpoint_url": "http://[::1"}, "endpoint_url"),
        ({"image_id": "debian"}, "image_id"),
        ({"region_name": ABSENT}, "region_name"),
        ({"userdata_file": "userdata.sh"}, "userdata_file"),
        ({"disk_map": {"a": {"device": "/dev/sdb"}}}, "disk_map:a:size"),
        ({"disk_map": {"a": {"device": "C:", "size": 1}}}, "disk_map:a:device"),
        ({"disk_map": {"a": {"device": "/dev/sdb", "size": 0}}}, "disk_map:a:size"),
        ({"disk_map": {n: {"device": "/dev/sdb", "size": 1} for n in "ab"}}, "disk_map"),
        ({"disk_map": ["/dev/sdb"]}, "disk_map"),
        ({"tags": {"Name": "x"}}, "tags"),
        ({"tags": {"dynamiccluster:cluster": "x"}}, "tags"),
        ({"tags": {"aws:x": "x"}}, "tags"),
        ({"tags": {"x" * 129: "x"}}, "tags"),
        ({"tags": {str(n): "x" for n in range(47)}}, "tags"),
        ({"tags": {"cost": 1234}}, "tags:cost"),
        ({"instance_name_prefix": "dc_"}, "instance_name_prefix"),
        ({"instance_name_prefix": "-dc"}, "instance_name_prefix"),
        ({"instance_name_prefix": "dc.x"}, "instance_name_prefix"),
        ({"instance_name_prefix": "d" * 58}, "instance_name_prefix"),
        ({"instance_name_prefix": "dç"}, "instance_name_prefix"),
        ({"instance_name_prefix": ABSENT}, "instance_name_prefix"),
    ],
)
def test_what_does_not_fit_together(changes, path):
    found = faults({f"{CONFIG}:{key}": value for key, value in changes.items()})
    assert set(found) == {f"{CONFIG}:{path}"}
    assert found[f"{CONFIG}:{path}"].hint


def test_a_check_between_settings_is_not_hidden_by_a_fault_in_another():
    changes = {"spot_timeout": 60, "image_id": 7, "subnet_id": "subnet-1", "security_groups": ["x"]}
    found = faults({f"{CONFIG}:{key}": value for key, value in changes.items()})
    assert set(found) == {f"{CONFIG}:{key}" for key in ("spot_timeout", "image_id", "security_groups")}


def test_host_names_know_no_case_so_the_prefix_is_lowered():
    assert config(instance_name_prefix="DC-Burst-").instance_name_prefix == "dc-burst-"
    assert config(instance_name_prefix="d" * 57).instance_name_prefix == "d" * 57


@pytest.mark.parametrize(
    ("proxy", "port", "url"),
    [
        ("proxy.example.org", None, "http://proxy.example.org:3128"),
        ("10.0.0.1", 8080, "http://10.0.0.1:8080"),
        ("fe80::1", 8080, "http://[fe80::1]:8080"),
        ("https://u:p@proxy:443", None, "https://u:p@proxy:443"),
    ],
)
def test_proxies(proxy, port, url):
    assert config(proxy=proxy, proxy_port=port).proxy_url == url


def test_spot_and_disks_and_a_user_data_file_that_is_not_there():
    full = config(
        spot_bid="0.05",
        spot_timeout="10m",
        disk_map={"scratch": {"device": "/dev/sdb", "size": 100}},
        userdata_file="/nowhere/user-data",
    )
    assert (full.spot_bid, full.spot_timeout) == (0.05, 600.0)
    assert full.disk_map["scratch"].delete_on_termination is True
    assert full.userdata_file == "/nowhere/user-data"


def test_keys_are_read_exactly():
    assert config(access_key_id="AKIA", secret_access_key=" a/b+c= ").secret_access_key.get_secret_value() == " a/b+c= "


def test_spot_is_tried_for_a_while_that_has_a_default():
    assert (config().is_spot, config().spot_patience) == (False, 0.0)
    assert (config(spot_bid=0.1).is_spot, config(spot_bid=0.1).spot_patience) == (True, 600.0)
    assert config(spot_bid=0.1, spot_timeout="2m").spot_patience == 120.0


def test_what_shares_one_limit_of_requests_is_one_account():
    keys = {"access_key_id": "AKIA1", "secret_access_key": "x"}
    assert config(**keys, image_id="ami-1").account == config(**keys, image_id="ami-2").account
    others = [config(), config(**keys), config(**keys, region_name="us-west-2"), config(profile="p"), config(role_arn=ROLE)]
    assert len({one.account for one in others}) == len(others)


def test_a_role_is_taken_on_with_keys_or_with_a_profile():
    assert config(access_key_id="AKIA1", secret_access_key="x", session_token="t", role_arn=ROLE).session_token.get_secret_value() == "t"
    assert config(profile="cluster", role_arn=ROLE, role_external_id="x", sts_endpoint_url="https://sts.example.org").role_arn == ROLE


ROLE = "arn:aws:iam::123456789012:role/ops/dynamic-cluster"
