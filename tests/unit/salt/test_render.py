"""User-data as the engine renders it, for one node and for several."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.errors import ConfigurationError
from saltext.dynamiccluster.model import NodeRecord
from saltext.dynamiccluster.salt.wiring import make_render
from tests.lives import settings

ROWS = [(NodeRecord(f"burst-{letter}", "burst", "i"), f"t0ken-{letter}") for letter in "abc"]


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
    assert made(*ROWS[1]) == "burst-b burst-b burst-b t0ken-b salt.example.org burst default"
    assert made.knows_many("burst") is False


def test_several_nodes_share_a_text_with_a_row_for_each(render):
    made = render("{{ master }}{% for m in machines %} {{ m.minion_id }}:{{ m.token }}{% endfor %}")
    assert made.knows_many("burst") is True
    assert made.many(ROWS) == "salt.example.org burst-a:t0ken-a burst-b:t0ken-b burst-c:t0ken-c"
    assert made(*ROWS[2]) == "salt.example.org burst-c:t0ken-c"


def test_a_broken_template_is_told_for_several_nodes_too(render):
    made = render("{{ machines[0].token }} {{ nobody }}")
    with pytest.raises(ConfigurationError) as error:
        made.many(ROWS)
    assert error.value.faults[0].path == "dynamiccluster:cloud:burst:config:userdata_file"
    assert "t0ken" not in str(error.value)
