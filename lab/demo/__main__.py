"""`./run demo`: the whole story, once."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lab import admin
from lab.api import Lab
from lab.demo import burst, faults as faulty
from lab.demo.chaos import Chaos
from lab.demo.remains import leftovers
from lab.demo.storm import Storm
from lab.demo.dialects import DIALECTS
from lab.demo.show import Screen, lines_of
from lab.errors import LabError
from lab.layout import USER
from lab.saltside import settings
from lab.state import now

_HINTS = f"""The lab is still up. Try:
  ./run lab salt-run dynamiccluster.status
  ./run lab salt-run dynamiccluster.explain JOB
  ./run lab salt-run dynamiccluster.add standard num=2
  ./run lab qsub -b y sleep 60                 (as {USER})
  ./run lab poweroff NODE
  ./run lab down"""


_CLOUDS = {"aws": "an EC2 API", "openstack": "a real OpenStack"}


@dataclass
class Story:
    """One demo: what it runs on, what was submitted, and how long each part may take (seconds)."""

    lab: Lab
    screen: Screen
    minimum: int
    began: float = field(default_factory=now)
    submitted: list[burst.Submitted] = field(default_factory=list)
    records: dict[str, burst.Run] = field(default_factory=dict)
    chaos: Chaos | Storm | None = None
    _told: int = 0

    def tell(self, text: str) -> None:
        """Say something with the time since the beginning."""
        self.screen.say(f"{now() - self.began:6.1f} s  {text}")

    def watch(self, title: str, done: Callable[[], bool], within: float) -> bool:
        """Show what happens once a second until `done()` is true; return False when time is up."""
        deadline = now() + within
        while not done():
            if now() > deadline:
                return False
            self._look(title)
            time.sleep(1)
        self._look(title)
        return True

    def _look(self, title: str) -> None:
        events = self.lab.events()
        for line in lines_of(events[self._told:]):
            self.tell(line)
        self._told = len(events)
        if self.submitted:
            self.records = burst.runs(self.lab)
        for line in self.chaos.step(self.records) if self.chaos else ():
            self.tell(line)
        self.screen.draw(f"Dynamic Cluster, {now() - self.began:.0f} s: {title}", self.lab.snapshot())

    def at_rest(self) -> bool:
        """Tell whether nothing beyond the minimum is left."""
        return not leftovers(self.lab, self.minimum)


def run(story: Story, chaos: bool, patience: float = 1.0) -> list[str]:
    """Let the burst come and go; return what went wrong. `patience`: how many times as long as usual everything may take."""
    minimum = story.minimum
    if not story.watch(f"waiting for the minimum of {minimum}", lambda: _serving(story.lab) >= minimum, 90 * patience):
        return [f"the cluster did not come up to its minimum of {minimum}", *story.lab.snapshot().get("problems", [])]
    dialect = DIALECTS[story.lab.cluster]
    wishes = dialect.wishes(chaos)
    story.tell(f"{USER} submits {len(wishes)} jobs")
    story.submitted = burst.submit(story.lab, wishes, chaos, dialect)
    if chaos:
        story.chaos = Chaos(story.lab, story.submitted[-1], random.Random())
    within = (300 if chaos else 180) * patience
    ran = story.watch("the jobs run", lambda: not burst.unfinished(story.submitted, story.records), within)
    faults = [] if ran else [f"job {one.job} ({one.wish.title}) did not run" for one in burst.unfinished(story.submitted, story.records)]
    faults += [f"job {one.job} ({one.wish.title}) ran, which it must not" for one in burst.ran_unasked(story.submitted, story.records)]
    if story.chaos:
        faults += story.chaos.faults(story.records)
        story.chaos = None
    jobs = " ".join(one.job for one in story.submitted if not one.wish.can_run)
    story.tell("the jobs that cannot run are deleted")
    story.lab.head(f"qdel {jobs}", user=USER, check=False)
    if not story.watch("shrinking back to the minimum", story.at_rest, 120 * patience):
        faults += [f"left behind: {what}" for what in leftovers(story.lab, minimum)]
    return faults


def run_with_faults(story: Story, chaos: bool) -> list[str]:
    """The same while calls to the cloud fail."""
    story.tell(faulty.begin(story.lab))
    wrong = run(story, chaos, patience=2.0)
    outcome = faulty.end(story.lab)
    story.tell(outcome.describe())
    return wrong + outcome.complaints()


def run_storm(story: Story, minutes: float) -> list[str]:
    """Let jobs come for so many minutes while everything goes wrong; return what went wrong beyond that."""
    if not story.watch("waiting for the minimum", lambda: _serving(story.lab) >= story.minimum, 90):
        return ["the cluster did not come up to its minimum", *story.lab.snapshot().get("problems", [])]
    storm = story.chaos = Storm(story.lab, random.Random(), now() + 60 * minutes)
    story.submitted = storm.submitted
    storm.prepare()
    story.tell(f"for {minutes:g} minutes jobs come, and everything goes wrong")
    story.watch("jobs come", lambda: storm.over, 60 * minutes + 120)
    for line in storm.calm():
        story.tell(line)
    story.chaos = None
    story.tell(f"the engine was killed {storm.kills} times; " + ", ".join(f"{name} {count}" for name, count in sorted(storm.happened.items())))
    faults = storm.faults(story.records)
    story.watch("the last jobs run", lambda: not burst.unfinished(story.submitted, story.records), 420)
    faults += [f"job {one.job} ({one.wish.title}) did not run" for one in burst.unfinished(story.submitted, story.records)]
    if not story.watch("shrinking back to the minimum", story.at_rest, 240):
        faults += [f"left behind: {what}" for what in leftovers(story.lab, story.minimum)]
    return faults


def _serving(lab: Lab) -> int:
    return sum(node["state_name"] in ("Idle", "Busy") for node in lab.snapshot().get("nodes", ()) if node["resource"])


def summarise(story: Story, faults: list[str]) -> None:
    """Print how it went."""
    machines = story.lab.machines()
    can_run = [one for one in story.submitted if one.wish.can_run]
    done = len(can_run) - len(burst.unfinished(story.submitted, story.records))
    seconds = sum((one["off"] or time.time()) - one["on"] for one in machines)
    print(f"\nJobs done {done} of {len(can_run)} that can run; nodes launched {len(machines)}; node-seconds {seconds:.0f}; "
          f"longest wait {burst.longest_wait(story.submitted, story.records):.1f} s; all of it {now() - story.began:.0f} s")
    for fault in faults:
        print(f"FAILED: {fault}")
    print("FAILED" if faults else "All jobs that can run did run, and nothing was left behind.")


def main() -> int:
    """Run the demo; return 0 only when every job that could run did run and nothing was left behind."""
    parser = argparse.ArgumentParser(prog="./run demo", description=__doc__)
    parser.add_argument("--chaos", action="store_true", help="kill the engine at random moments, cut the power of a node that works")
    parser.add_argument("--faults", action="store_true", help="a fifth of the engine's calls to its cloud fail, in many ways (aws only)")
    parser.add_argument("--minutes", type=float, help="with --chaos: jobs come for so long while also masters, network, disk and cloud fail")
    parser.add_argument("--keep", action="store_true", help="leave the lab up afterwards")
    parser.add_argument("--name", default="lab", help="the lab's name")
    parser.add_argument("--cluster", choices=sorted(DIALECTS), default="gridengine", help="the batch system; torque is the stand-in for Torque and Maui")
    parser.add_argument("--cloud", choices=sorted(_CLOUDS), default="aws", help="aws is an EC2 API, moto's; openstack is real, with Nova's fake virt driver")
    parser.add_argument("--torque", choices=("4.2.10", "6.1.3"), default="4.2.10", help="which version the stand-in behaves as")
    given = parser.parse_args()
    if given.faults and given.cloud != "aws":
        parser.error("--faults needs --cloud aws: the proxy that fails stands before the EC2 API")
    if given.minutes and (not given.chaos or given.faults or given.cluster != "gridengine" or given.cloud != "aws"):
        parser.error("--minutes needs --chaos, Grid Engine and aws, without --faults")
    lab = Lab(given.name, salt=True, outlive=given.keep, cluster=given.cluster, torque=given.torque, provider=given.cloud)
    try:
        return _play(lab, _story_of(given), given.chaos, given.keep, f"{DIALECTS[given.cluster].name}, {_CLOUDS[given.cloud]}")
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


def _story_of(given: argparse.Namespace) -> Callable[[Story, bool], list[str]]:
    if given.minutes:
        return lambda story, _chaos: run_storm(story, given.minutes)
    return run_with_faults if given.faults else run


def _play(lab: Lab, play: Callable[[Story, bool], list[str]], chaos: bool, keep: bool, parts: str) -> int:
    print(f"Bringing up the lab: {parts}, a Salt master with the engine ...", flush=True)
    began = now()
    with lab:
        minimum = sum(resource["quantity"]["min"] for resource in settings(lab.state)["cloud"].values())
        lab.follow_events()
        screen = Screen(sys.stdout.isatty())
        story = Story(lab, screen, minimum, began)
        try:
            story.tell("the lab is up")
            story.tell(f"dashboard {admin.address(lab.state)}, log in by the token in {admin.leave_token(lab.state)}")
            faults = play(story, chaos)
        finally:
            screen.close()
        summarise(story, faults)
        if keep:
            lab.release()
            print(f"{_HINTS}\nDashboard: {admin.address(lab.state)}, log in by the token in {admin.leave_token(lab.state)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
