from __future__ import annotations

import pytest

from saltext.dynamiccluster.clouds.ownership import batch_tags, is_owned, launch_tags, name_of, other_owner
from saltext.dynamiccluster.model import BatchOrder, LaunchOrder

OURS = {"dynamiccluster:cluster": "one", "dynamiccluster:resource": "alpha"}


def test_our_tags_win_over_those_of_settings_and_order():
    order = LaunchOrder("i1", "wn-a", "", 0.0, {"Name": "x", "team": "order"})
    extra = {"dynamiccluster:cluster": "x", "dynamiccluster:intent": "x", "team": "settings", "paid-by": "physics"}
    tags = launch_tags("one", "alpha", order, extra)
    assert tags == {**OURS, "Name": "wn-a", "dynamiccluster:intent": "i1", "team": "order", "paid-by": "physics"}


@pytest.mark.parametrize(
    ("tags", "owned", "other"),
    [
        (OURS, True, ""),
        ({}, False, ""),
        ({"dynamiccluster:resource": "alpha"}, False, ""),
        ({**OURS, "dynamiccluster:cluster": "two"}, False, "cluster 'two', resource 'alpha'"),
        ({**OURS, "dynamiccluster:resource": "beta"}, False, "cluster 'one', resource 'beta'"),
        ({"dynamiccluster:cluster": "two"}, False, "cluster 'two', resource ''"),
        ({"dynamiccluster:cluster": "One", "dynamiccluster:resource": "alpha"}, False, "cluster 'One', resource 'alpha'"),
    ],
)
def test_ownership_is_exact(tags, owned, other):
    assert is_owned(tags, "one", "alpha") is owned
    assert other_owner(tags, "one", "alpha") == other


BATCH = f"{'a' * 32}x3"


def test_machines_launched_together_share_their_tags_and_are_named_after_their_ids():
    tags = batch_tags("one", "alpha", BatchOrder(BATCH, 3, "", 0.0), "wn-", {"Name": "theirs", "paid-by": "physics"})
    assert tags == {**OURS, "Name": "wn-", "dynamiccluster:intent": BATCH, "paid-by": "physics"}
    assert [name_of(tags, id_) for id_ in ("i-0123456789abcdef0", "i-1")] == ["wn-0123456789abcdef0", "wn-1"]


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({"Name": "wn-a", "dynamiccluster:intent": "i"}, "wn-a"),
        ({"Name": "wn-a", "dynamiccluster:intent": f"{BATCH}.1"}, "wn-a"),
        ({"Name": "wn-a"}, "wn-a"),
        ({"dynamiccluster:intent": BATCH}, ""),
        ({}, ""),
    ],
)
def test_every_other_machine_is_called_what_its_tag_says(tags, name):
    assert name_of(tags, "i-1") == name
