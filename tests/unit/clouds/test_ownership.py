from __future__ import annotations

import pytest

from saltext.dynamiccluster.clouds.ownership import batch_size, batch_tags, is_owned, launch_tags, name_and_intent, other_owner
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


class TestBatch:
    NAMES = tuple(f"wn-{number:06d}" for number in range(100))

    def test_every_machine_finds_its_name_and_intent_in_the_tags_that_all_share(self):
        tags = batch_tags("one", "alpha", BatchOrder("b", self.NAMES, "", 0.0), "wn-", {"Name": "theirs", "paid-by": "physics"})
        assert [name_and_intent(tags, number) for number in range(100)] == [(name, f"b.{number}") for number, name in enumerate(self.NAMES)]
        assert tags["Name"] == "wn-" and tags["paid-by"] == "physics"
        assert max(len(text) for text in tags.values()) <= 255
        assert is_owned(tags, "one", "alpha")

    def test_so_many_names_fit_into_so_many_tags(self):
        for free in (1, 2, 4):
            names = self.NAMES[: batch_size("wn-", free)]
            tags = batch_tags("one", "alpha", BatchOrder("b", names, "", 0.0), "wn-")
            assert sum(key.startswith("dynamiccluster:names-") for key in tags) <= free
        assert batch_size("wn-", 4) > 100 and batch_size("wn-", 0) == 0 and batch_size("wn-", -3) == 0

    def test_a_machine_that_was_launched_alone_is_known_by_its_own_tags(self):
        assert name_and_intent({"Name": "wn-a", "dynamiccluster:intent": "i"}, 3) == ("wn-a", "i")
        assert name_and_intent({}, 0) == ("", "")

    @pytest.mark.parametrize("number", [-1, 2, 999])
    def test_a_number_without_a_name_has_none(self, number):
        tags = {"Name": "wn-", "dynamiccluster:intent": "b", "dynamiccluster:names-0": "aaa bbb"}
        assert name_and_intent(tags, number) == ("", f"b.{number}")

    def test_tags_that_somebody_spoilt_harm_nothing(self):
        tags = {"Name": "wn-", "dynamiccluster:intent": "b", "dynamiccluster:names-0": "", "dynamiccluster:names-x": "ccc"}
        assert [name_and_intent(tags, number)[0] for number in (0, 1)] == ["", ""]
