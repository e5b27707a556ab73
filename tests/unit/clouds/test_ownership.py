from __future__ import annotations

import pytest

from saltext.dynamiccluster.clouds.ownership import is_owned, launch_tags, other_owner
from saltext.dynamiccluster.model import LaunchOrder

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
