"""What the rules of economy must never do, whatever the world is, and that they do nothing while they are off."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given, strategies as st

from saltext.dynamiccluster.policy.decide import decide
from saltext.dynamiccluster.policy.economy import keep_spare
from saltext.dynamiccluster.policy.idle import EDGES, choose_limit
from saltext.dynamiccluster.policy.limits import budget_of, count_nodes, counts_for_minimum
from saltext.dynamiccluster.policy.nodes import combine
from saltext.dynamiccluster.policy.placement import allocate
from saltext.dynamiccluster.policy.scale_in import scale_in
from tests.property.test_policy import quick, worlds
from tests.worlds import NOW

OFF = {"headroom": 0.0, "surge": 0.0, "idle_boots": 0.0, "idle_learns": False}
weights = st.lists(st.floats(0, 50), min_size=len(EDGES) + 1, max_size=len(EDGES) + 1).map(tuple)
pasts = st.lists(st.floats(NOW - 3000, NOW + 100), max_size=4).map(tuple)


def set_to(seen, terms, **general):
    """Return the world under other rules of economy."""
    cloud = {name: item.model_copy(update=terms) for name, item in seen.settings.cloud.items()}
    section = seen.settings.dynamic_cluster.model_copy(update=general)
    return replace(seen, settings=seen.settings.model_copy(update={"cloud": cloud, "dynamic_cluster": section}))


def remembering(seen, gaps, left):
    resources = {name: replace(seen.memory.resource(name), gaps=gaps, left=left) for name in seen.settings.cloud}
    return replace(seen, memory=replace(seen.memory, resources=resources))


@st.composite
def economical(draw):
    general = {
        "headroom": draw(st.sampled_from([0.0, 0.3, 1.0])),
        "surge": draw(st.sampled_from([0.0, 1.0, 10.0])),
        "idle_boots": draw(st.sampled_from([0.0, 0.1, 4.0])),
        "idle_learns": draw(st.booleans()),
    }
    terms = {"billing_unit": draw(st.sampled_from([0.0, 60.0, 3600.0])), "billing_minimum": draw(st.sampled_from([0.0, 600.0]))}
    seen = remembering(set_to(draw(worlds()), terms, **general), draw(st.one_of(st.just(()), weights)), draw(pasts))
    crowd = {name: replace(record, cause="for job 1") if draw(st.booleans()) else record for name, record in seen.memory.nodes.items()}
    memory = replace(seen.memory, nodes=crowd)
    return replace(seen, memory=memory, nodes=combine(seen.snapshot, seen.settings, memory, seen.now))


@quick
@given(economical())
def test_spare_nodes_never_pass_a_limit(seen):
    orders = keep_spare(seen, allocate(seen)).orders
    counts = count_nodes(seen)
    budget = budget_of(seen, counts)
    for name, resource in seen.settings.cloud.items():
        number = sum(order.resource == name for order in orders)
        assert number == 0 or counts[name].billed + number <= resource.quantity.max
    assert len(orders) <= max(min(budget.nodes, budget.launches, math.inf), 0)
    assert sum(seen.settings.cloud[order.resource].price or 0.0 for order in orders) <= max(budget.money, 0)


@quick
@given(economical())
def test_no_node_goes_that_a_job_counts_on_or_that_runs_one_or_that_fills_a_minimum(seen):
    found = keep_spare(seen, allocate(seen))
    going = {item.name for item in scale_in(seen, found).going}
    hosts = {node.record.name: node.host for node in seen.nodes if node.record}
    assert not going & (found.needed | found.spare)
    assert not any(hosts[name] is not None and hosts[name].busy for name in going)
    kept = {node.record.name for node in seen.nodes if node.record and counts_for_minimum(seen, node)}
    for name, resource in seen.settings.cloud.items():
        gone = sum(seen.memory.nodes[one].resource == name for one in going & kept)
        assert not gone or count_nodes(seen)[name].kept - gone >= resource.quantity.min


@quick
@given(economical())
def test_the_same_world_teaches_the_same_in_whatever_order_its_nodes_are_remembered(seen):
    backwards = replace(seen.memory, nodes=dict(reversed(seen.memory.nodes.items())))
    plan, other = (decide(seen.snapshot, seen.settings, memory, seen.now) for memory in (seen.memory, backwards))
    assert plan.actions == other.actions and plan.stays == other.stays
    assert dict(plan.memory.resources) == dict(other.memory.resources)


@quick
@given(worlds(), weights, pasts)
def test_with_the_rules_off_what_was_learned_changes_nothing(seen, gaps, left):
    seen = set_to(seen, {}, **OFF)
    taught = remembering(seen, gaps, left)
    plan, other = (decide(one.snapshot, one.settings, one.memory, one.now) for one in (seen, taught))
    assert (plan.actions, plan.stays, dict(plan.fates)) == (other.actions, other.stays, dict(other.fates))
    assert all((known.gaps, known.left) == (gaps, left) for known in other.memory.resources.values())


@quick
@given(weights, st.floats(0, 1e6), st.floats(0, 1e5))
def test_the_idle_time_is_never_above_the_maximum(gaps, price, most):
    assert 0 <= choose_limit(gaps, price, most) <= most
