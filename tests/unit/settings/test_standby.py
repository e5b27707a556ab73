"""dynamic-cluster: standby."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr
from saltext.dynamiccluster.errors import ConfigurationError
from saltext.dynamiccluster.salt.wiring import secret_texts
from saltext.dynamiccluster.settings import Settings, load
from saltext.dynamiccluster.settings.shown import public


def read(standby: Any) -> Settings:
    return load({"dynamic-cluster": {"standby": standby}, "cluster": {"type": "sge", "config": {}}})


@pytest.mark.parametrize(
    "url",
    [
        "file:///srv/shared/dc",
        "redis://10.0.0.5",
        "redis://:secret@redis.example.org:6380?db=2",
        "redis:///run/redis.sock",
        "rediss://redis.example.org:6379?ssl_ca_certs=/etc/ssl/redis.pem",
    ],
)
def test_a_place_is_taken(url: str) -> None:
    standby = read({"url": url, "lease": "2m"}).dynamic_cluster.standby
    assert standby is not None and (standby.url.get_secret_value(), standby.lease) == (url, 120.0)


def test_a_text_alone_is_the_place_and_the_lease_is_a_minute() -> None:
    standby = read("file:///srv/shared/dc").dynamic_cluster.standby
    assert standby is not None and standby.lease == 60.0


@pytest.mark.parametrize("standby", [None, "", {}, {"url": None}])
def test_nothing_means_no_standby_or_says_what_is_missing(standby: Any) -> None:
    if isinstance(standby, dict) and standby:
        with pytest.raises(ConfigurationError, match="standby:url: missing"):
            read(standby)
    elif standby != {}:
        assert read(standby).dynamic_cluster.standby is None


@pytest.mark.parametrize(
    "url",
    ["etcd://host", "file://host/dir", "file:///", "/srv/shared", "redis://", "redis://host?bogus=1", "redis://host?db=x", "redis://host:0", "redis://a b", "redis://:p%40ss@host", 7],
)
def test_no_other_place_is_taken(url: Any) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read({"url": url})
    assert [fault.path for fault in raised.value.faults] == ["dynamiccluster:dynamic-cluster:standby:url"]


@pytest.mark.parametrize("lease", [4, 3601, 0, "never"])
def test_a_lease_is_neither_too_short_nor_endless(lease: Any) -> None:
    with pytest.raises(ConfigurationError, match="standby:lease"):
        read({"url": "file:///srv/shared/dc", "lease": lease})


def test_the_password_is_never_shown() -> None:
    settings = read({"url": "redis://dc:hunter2@redis.example.org:6380/"})
    shown = public(settings)["dynamic-cluster"]["standby"]
    assert shown == {"url": "********", "lease": 60.0}
    assert "hunter2" not in repr(settings)
    assert "hunter2" in secret_texts(settings)  # so that the logs mask it, wherever it stands
    with pytest.raises(ConfigurationError) as raised:
        read({"url": "redis://dc:hunter2@host:port/"})
    assert "hunter2" not in str(raised.value)


def test_the_password_alone_is_a_secret_text() -> None:
    assert set(secret_texts([SecretStr("redis://u:p%40ss@h")])) == {"redis://u:p%40ss@h", "p%40ss", "p@ss"}
    assert secret_texts(SecretStr("plain")) == ("plain",)
