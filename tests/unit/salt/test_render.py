"""User-data as the engine renders it, for one node and for several."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.errors import ConfigurationError
from saltext.dynamiccluster.model import NodeRecord
from saltext.dynamiccluster.salt.wiring import make_render
from tests.lives import settings

RECORD = NodeRecord("burst-b", "burst", "i")


@pytest.fixture
def render(tmp_path):
    file = tmp_path / "user-data"
    known = settings()
    resource = known.cloud["burst"]
    config = resource.config.model_copy(update={"userdata_file": str(file)})
    known = known.model_copy(update={"cloud": {"burst": resource.model_copy(update={"config": config})}})

    def make(text: str):
        file.write_text(text, encoding="utf-8")
        return make_render(known, "salt.example.org")

    return make


def test_one_node_gets_its_own_values(render):
    made = render("{{ minion_id }} {{ instance_name }} {{ hostname }} {{ token }} {{ master }} {{ resource }} {{ cluster }}")
    assert made(RECORD, "t0ken") == "burst-b burst-b burst-b t0ken salt.example.org burst default"
    assert made.names_itself("burst") is False


def test_nodes_of_one_launch_share_a_text_without_any_name(render):
    made = render("{{ master }} {{ instance_name_prefix }} {{ token }} {{ resource }} {{ cluster }}")
    assert made.names_itself("burst") is True
    prefix = settings().cloud["burst"].config.instance_name_prefix
    assert made.shared(RECORD, "t0ken") == f"salt.example.org {prefix} t0ken burst default"


def test_a_broken_template_is_told_for_several_nodes_too(render):
    made = render("{{ instance_name_prefix }} {{ token }} {{ nobody }}")
    with pytest.raises(ConfigurationError) as error:
        made.shared(RECORD, "t0ken")
    assert error.value.faults[0].path == "dynamiccluster:cloud:burst:config:userdata_file"
    assert "t0ken" not in str(error.value)
