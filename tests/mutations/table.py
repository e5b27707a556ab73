"""The faults: in which file what becomes of which words, and the tests that must fail then."""

from __future__ import annotations

from dataclasses import dataclass

ROOM = "src/saltext/dynamiccluster"
POLICY = "tests/unit/policy"
CONTROL = "tests/unit/control"


@dataclass(frozen=True)
class Fault:
    """`what` goes wrong when `old`, which occurs once in the file, becomes `new`. `tests`: paths or node ids for pytest."""

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def path(self) -> str:
        return f"{ROOM}/{self.file}"


FAULTS = (
    # -- never too many, nothing twice
    Fault(
        "the in-flight count is dropped",
        "policy/maximum.py",
        "found = Counter(record.resource for record in records)",
        "found = Counter(record.resource for record in records if record.ready_at)",
        (f"{POLICY}/test_limits.py",),
    ),
    Fault(
        "nodes on their way are no supply",
        "policy/bins.py",
        "if record is None or shape is None or offer is None or offer.problem:",
        "if record is None or shape is None or offer is None or record.phase is not Phase.SERVING:",
        (f"{POLICY}/test_placement.py",),
    ),
    Fault(
        "a resource's maximum is ignored",
        "policy/placement.py",
        "room = max(settings.quantity.max - count.billed, 0)",
        "room = 1000",
        (f"{POLICY}/test_placement.py", f"{POLICY}/test_limits.py"),
    ),
    Fault(
        "limits.max_nodes is ignored",
        "policy/limits.py",
        "nodes = math.inf if limits.max_nodes is None else",
        "nodes = math.inf if True else",
        (f"{POLICY}/test_limits.py", f"{POLICY}/test_placement.py"),
    ),
    Fault(
        "the interval between orders is ignored",
        "policy/decide.py",
        "if memory.planned_at and now - memory.planned_at < general.auto_provision_interval:",
        "if False:",
        (f"{POLICY}/test_orders.py", f"{POLICY}/test_decide.py"),
    ),
    Fault(
        "there is no quiet period before an order",
        "policy/decide.py",
        "quiet = now - memory.queue_since >= general.batch_window.quiet",
        "quiet = True",
        (f"{POLICY}/test_orders.py", f"{POLICY}/test_decide.py"),
    ),
    Fault(
        "the intent is not written before the call",
        "control/lifecycle.py",
        "Act.LAUNCH: Transition(CLOUD, intent=_tried)",
        "Act.LAUNCH: Transition(CLOUD)",
        (f"{CONTROL}/test_lifecycle.py",),
    ),
    Fault(
        "a launch that is asked again is another one",
        "control/launching.py",
        "LaunchOrder(\n        record.intent,",
        "LaunchOrder(\n        secrets.token_hex(8),",
        (f"{CONTROL}/test_crash_at_every_step.py::test_engine_killed_before_anything_happened",),
    ),
    Fault(
        "a launch that is asked again has another token",
        "control/launching.py",
        "if kept is None or kept.user_data is None:",
        "if True:",
        (f"{CONTROL}/test_act.py", f"{CONTROL}/test_engine_rows.py", f"{CONTROL}/test_crash_at_every_step.py::test_engine_killed_before_anything_happened"),
    ),
    Fault(
        "the journal's loss is forgotten at once",
        "control/core.py",
        "LOST_GRACE = 180.0",
        "LOST_GRACE = 0.0",
        (f"{CONTROL}/test_core.py",),
    ),
    Fault(
        "two acts on one node at a time",
        "control/core.py",
        "if _subject(action) in self._under_way or not self._actor.ready(action, now):",
        "if not self._actor.ready(action, now):",
        (f"{CONTROL}/test_core.py",),
    ),
    Fault(
        "what is not wanted any more is done all the same",
        "control/lifecycle.py",
        "return moot is not None and moot(record)",
        "return False",
        (f"{CONTROL}/test_lifecycle.py",),
    ),
    # -- unknown is not absent
    Fault(
        "a failed reading is trusted",
        "snapshot.py",
        "return self.value is not None and not self.error",
        "return self.value is not None",
        (f"{POLICY}/test_scale_in.py", f"{POLICY}/test_lifecycle.py", f"{POLICY}/test_decide.py"),
    ),
    Fault(
        "a machine that a listing lacks is gone",
        "policy/track.py",
        "if record.instance_id not in view.gone or not record.instance_id:",
        "if not record.instance_id:",
        (f"{POLICY}/test_leaving.py",),
    ),
    Fault(
        "a young machine that is not known yet is gone",
        "policy/track.py",
        "LISTING_GRACE = 180.0",
        "LISTING_GRACE = 0.0",
        (f"{POLICY}/test_leaving.py",),
    ),
    Fault(
        "a hold of the last moment is lifted",
        "control/again.py",
        "if act in (Act.RELEASE, Act.UNHOLD):",
        "if False:",
        (f"{CONTROL}/test_again.py",),
    ),
    Fault(
        "a listing that was cut counts as a whole one",
        "snapshot.py",
        "if complete and self.value is not None else 0.0",
        "if self.value is not None else 0.0",
        (f"{CONTROL}/test_observe.py",),
    ),
    Fault(
        "two readings bridge any time",
        "snapshot.py",
        "min(max(gap, 0.0), LONGEST_GAP)",
        "max(gap, 0.0)",
        (f"{CONTROL}/test_observe.py",),
    ),
    Fault(
        "a launch without an answer is forgotten by the time of day",
        "policy/lifecycle.py",
        "if late and view.cloud_fresh and view.sought_for >= LISTING_GRACE:",
        "if late and view.cloud_fresh:",
        (f"{POLICY}/test_lifecycle.py",),
    ),
    Fault(
        "a launch is not looked for anew after it was asked again",
        "control/lifecycle.py",
        "tries=record.tries + 1",
        "tries=1",
        (f"{CONTROL}/test_lifecycle.py",),
    ),
    Fault(
        "a node is down by the time of day",
        "policy/world.py",
        "return min(max(self.now - record.down_since, 0.0), self.snapshot.batch.watched_for(record.hostname))",
        "return max(self.now - record.down_since, 0.0)",
        (f"{POLICY}/test_lifecycle.py",),
    ),
    Fault(
        "room is not looked at again before a launch",
        "control/again.py",
        "return is_untried(scene.node) and scene.node.name in",
        "return False and scene.node.name in",
        (f"{CONTROL}/test_again.py",),
    ),
    Fault(
        "machines are adopted while the batch system cannot be read",
        "policy/track.py",
        "    if not snapshot.batch.fresh:\n        return None\n    hostname",
        "    hostname",
        (f"{POLICY}/test_lifecycle.py", f"{POLICY}/test_decide.py", f"{POLICY}/test_leaving.py", "tests/unit/sim/soak"),
    ),
    Fault(
        "a reading from before the last change counts",
        "policy/view.py",
        "return batch.fresh and batch.read_at > self.record.batch_acted_at",
        "return batch.fresh",
        (f"{POLICY}/test_leaving.py", f"{POLICY}/test_lifecycle.py"),
    ),
    Fault(
        "a host that is down is a machine that is gone",
        "policy/lifecycle.py",
        'return reasons.STOPPED if view.stopped else ""',
        'return reasons.STOPPED if view.stopped or (view.host is not None and view.host.up is False) else ""',
        (f"{POLICY}/test_lifecycle.py", f"{POLICY}/test_leaving.py"),
    ),
    # -- jobs are left alone
    Fault(
        "the second look at an empty node is skipped",
        "policy/leaving.py",
        "EMPTY_READINGS = 2",
        "EMPTY_READINGS = 1",
        (f"{POLICY}/test_leaving.py",),
    ),
    Fault(
        "jobs are cleared though their daemon reports",
        "policy/leaving.py",
        "return view.host is not None and view.host.up is not False",
        "return False",
        (f"{POLICY}/test_leaving.py",),
    ),
    Fault(
        "a machine that is listed after all stays gone",
        "policy/track.py",
        "if gone or record.gone:  # one that is listed after all is not gone",
        "if gone:",
        (f"{POLICY}/test_leaving.py",),
    ),
    Fault(
        "a busy node counts as empty",
        "policy/track.py",
        "return host is None or (host.hold is not HoldBy.NOBODY and not host.busy)",
        "return host is None or host.hold is not HoldBy.NOBODY",
        (f"{POLICY}/test_leaving.py",),
    ),
    Fault(
        "a node that is not held counts as empty",
        "policy/track.py",
        "return host is None or (host.hold is not HoldBy.NOBODY and not host.busy)",
        "return host is None or not host.busy",
        (f"{POLICY}/test_leaving.py",),
    ),
    Fault(
        "a busy node goes as idle",
        "policy/scale_in.py",
        "    if host.busy:\n        return",
        "    if False:\n        return",
        (f"{POLICY}/test_scale_in.py", "tests/property/test_policy.py"),
    ),
    Fault(
        "a job that slipped in stops nothing",
        "policy/leaving.py",
        "    if view.host.busy:\n        return replace(view.record, phase=Phase.DRAINING, empty_seen=0), ()\n",
        "",
        (f"{POLICY}/test_leaving.py",),
    ),
    Fault(
        "a registered node is ended without being taken out first",
        "policy/lifecycle.py",
        "in_batch = record.joined_at or view.host is not None",
        "in_batch = False",
        (f"{POLICY}/test_lifecycle.py", f"{POLICY}/test_leaving.py"),
    ),
    Fault(
        "nodes that are down are ended with their jobs, whatever the setting says",
        "policy/leaving.py",
        "allowed = view.world.settings.dynamic_cluster.destroy_down_nodes_with_jobs",
        "allowed = True",
        (f"{POLICY}/test_leaving.py",),
    ),
    # -- what an administrator decided
    Fault(
        "an administrator's hold is lifted",
        "policy/lifecycle.py",
        "    if view.host.hold is HoldBy.US:\n",
        "    if view.host.hold is not HoldBy.NOBODY:\n",
        (f"{POLICY}/test_lifecycle.py", f"{POLICY}/test_leaving.py", f"{POLICY}/test_scale_in.py"),
    ),
    Fault(
        "a node that an administrator disabled goes as idle",
        "policy/scale_in.py",
        'administrator" if node.host is not None and node.host.hold is HoldBy.ADMINISTRATOR else ""',
        'administrator" if False else ""',
        (f"{POLICY}/test_scale_in.py",),
    ),
    Fault(
        "frozen is not frozen",
        "policy/limits.py",
        "if flag is not ResourceFlag.NORMAL:",
        "if flag is ResourceFlag.DRAINED:",
        (f"{POLICY}/test_limits.py",),
    ),
    # -- no churn, no endless tries
    Fault(
        "there is no deadline for a launch",
        "policy/lifecycle.py",
        "if view.age > limit and not view.frozen:",
        "if False:",
        (f"{POLICY}/test_lifecycle.py",),
    ),
    Fault(
        "minimum_node_life is ignored",
        "policy/scale_in.py",
        "if age < general.minimum_node_life:",
        "if False:",
        (f"{POLICY}/test_scale_in.py",),
    ),
    Fault(
        "the minimum is not kept when nodes are idle",
        "policy/scale_in.py",
        "if record.name in counting and spare[record.resource] <= 0:",
        "if False:",
        (f"{POLICY}/test_scale_in.py",),
    ),
    Fault(
        "the circuit never breaks",
        "policy/breaker.py",
        "TRUSTED = 3",
        "TRUSTED = 1000",
        (f"{POLICY}/test_breaker.py",),
    ),
    Fault(
        "what failed is tried again at once",
        "control/backoff.py",
        "return now >= self._until.get(key, (0.0, 0))[0]",
        "return True",
        (f"{CONTROL}/test_backoff.py",),
    ),
    Fault(
        "a refused launch holds nothing back",
        "control/act.py",
        "if backoff is not None and backoff.until > now:",
        "if False:",
        (f"{CONTROL}/test_act.py", f"{CONTROL}/test_core.py", f"{CONTROL}/test_engine_rows.py"),
    ),
    Fault(
        "an end that was accepted is asked for at every pass",
        "policy/view.py",
        "return reading is not None and reading.read_at > self.record.cloud_acted_at\n\n    @property\n    def frozen",
        "return reading is not None\n\n    @property\n    def frozen",
        (f"{POLICY}/test_leaving.py",),
    ),
    # -- whose is what, and who may read it
    Fault(
        "the intent's tag is forgotten",
        "clouds/ownership.py",
        "ours = {NAME: order.name, **owner_tags(cluster, resource), INTENT: order.intent}",
        "ours = {NAME: order.name, **owner_tags(cluster, resource)}",
        ("tests/unit/clouds/test_ownership.py",),
    ),
    Fault(
        "another cluster's machine is ours",
        "clouds/ownership.py",
        "return tags.get(CLUSTER) == cluster and tags.get(RESOURCE) == resource",
        "return tags.get(RESOURCE) == resource",
        ("tests/unit/clouds/test_ownership.py", "tests/unit/sim/test_cloud.py"),
    ),
    Fault(
        "anybody may read the journal",
        "control/journal.py",
        "os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))\n        os.chmod(self.path, 0o600)",
        "os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644))\n        os.chmod(self.path, 0o644)",
        (f"{CONTROL}/test_journal.py",),
    ),
    Fault(
        "the history grows for ever",
        "control/journal.py",
        'db.execute("DELETE FROM history WHERE id <= (SELECT max(id) FROM history) - ?", (self._history_rows,))',
        "pass",
        (f"{CONTROL}/test_journal.py",),
    ),
    Fault(
        "a hook runs again after a crash",
        "control/lifecycle.py",
        "return replace(record, hooks_done=record.hooks_done | {action.detail})",
        "return record",
        (f"{CONTROL}/test_lifecycle.py", f"{CONTROL}/test_hooks.py"),
    ),
    Fault(
        "a node joins whatever its name resolves to",
        "policy/lifecycle.py",
        "if resolved != record.address:",
        "if False:",
        (f"{POLICY}/test_lifecycle.py",),
    ),
)
