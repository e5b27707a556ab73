"""The burst of an ordinary user, and what became of it: every job writes down where and when it ran."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lab.api import Lab
from lab.errors import LabError
from lab.layout import USER

DIRECTORY = "demo"
_SUBMITTED = re.compile(r"Your job(?:-array)? (\d+)")
_SCRIPT = """#!/bin/sh
record=$HOME/demo/$JOB_ID.$SGE_TASK_ID
echo "start $(date +%s.%N) $(hostname) ${NSLOTS:-1}" >>"$record"
sleep "$1"
echo "end $(date +%s.%N)" >>"$record"
"""


@dataclass(frozen=True)
class Wish:
    """One submission: what it shows, its options for qsub, how long it sleeps, and in how many tasks."""

    title: str
    options: str = ""
    seconds: int = 8
    tasks: int = 1
    can_run: bool = True
    after: str = ""  # the title of the job that must end first
    calm: bool = False  # not where the engine is killed again and again


BURST = (
    *(Wish(f"serial-{number}", seconds=10) for number in range(1, 5)),
    Wish("smp", "-pe smp 2"),
    Wish("smp-large", "-pe smp 4"),
    Wish("fill", "-pe fill 3"),
    Wish("round-robin", "-pe rr 4"),
    Wish("fixed", "-pe mpi2 4"),
    Wish("array", "-t 1-6", seconds=5, tasks=6),
    Wish("after-serial-1", seconds=3, after="serial-1"),
    Wish("held", "-h", can_run=False),
    Wish("too-large", "-pe smp 64", can_run=False),
)
# Long enough to be found running, and the only one that the power cut is meant for.
VICTIM = Wish("victim", seconds=25)


@dataclass(frozen=True)
class Dialect:
    """How a batch system is spoken to. `submit` is qsub's line with {title}, {options}, {seconds}; `submitted` finds the job's number in its answer."""

    name: str
    script: str
    submit: str
    submitted: re.Pattern[str]
    after: str  # the option that makes a job wait for {job}
    rerunnable: str
    burst: tuple[Wish, ...]
    victim: Wish = VICTIM

    def wishes(self, chaos: bool) -> tuple[Wish, ...]:
        """Return what is submitted."""
        return (*(wish for wish in self.burst if not wish.calm), self.victim) if chaos else self.burst


GRID_ENGINE = Dialect(
    "Grid Engine", _SCRIPT, "qsub -o /dev/null -e /dev/null -N {title} {options} demo/job.sh {seconds}", _SUBMITTED, "-hold_jid {job}", "-r y", BURST)


@dataclass(frozen=True)
class Submitted:
    """A job in the batch system. `when`: Unix seconds."""

    wish: Wish
    job: str
    when: float


@dataclass(frozen=True)
class Run:
    """One task's record: the hosts and times of its starts, and when it ended (0: it did not)."""

    starts: tuple[tuple[float, str], ...] = ()
    ended: float = 0.0


def submit(lab: Lab, wishes: tuple[Wish, ...], rerunnable: bool, dialect: Dialect = GRID_ENGINE) -> list[Submitted]:
    """Submit all wishes as the ordinary user. Raises LabError when qsub refuses one."""
    lab.head(f"mkdir -p {DIRECTORY} && cat >{DIRECTORY}/job.sh", user=USER, stdin=dialect.script)
    ids: dict[str, str] = {}
    submitted = []
    for wish in wishes:
        after = dialect.after.format(job=ids[wish.after]) if wish.after else ""
        options = " ".join((wish.options, after, dialect.rerunnable if rerunnable else ""))
        line = dialect.submit.format(title=wish.title, options=options, seconds=wish.seconds)
        answer = lab.head(f"date +%s.%N; {line}", user=USER).stdout
        found = dialect.submitted.search(answer)
        if found is None:
            raise LabError(f"qsub did not take {wish.title}", answer)
        ids[wish.title] = found.group(1)
        submitted.append(Submitted(wish, found.group(1), float(answer.split(maxsplit=1)[0])))
    return submitted


def runs(lab: Lab) -> dict[str, Run]:
    """Return the record of each task that has started, by `JOB.TASK` (task `undefined` where there is no array)."""
    text = lab.head(f"cd {DIRECTORY} && grep -H . [0-9]*.* 2>/dev/null", user=USER, check=False).stdout
    return parse_records(text)


def parse_records(text: str) -> dict[str, Run]:
    """Return the records in the output of `grep -H`: lines `JOB.TASK:start TIME HOST SLOTS` and `JOB.TASK:end TIME`."""
    found: dict[str, Run] = {}
    for line in text.splitlines():
        task, _, words = line.partition(":")
        kind, time, *rest = words.split()
        known = found.get(task, Run())
        found[task] = Run((*known.starts, (float(time), rest[0])), 0.0) if kind == "start" else Run(known.starts, float(time))
    return found


def tasks_of(one: Submitted) -> list[str]:
    """Return the record names that a job must leave."""
    return [f"{one.job}.{number}" for number in range(1, one.wish.tasks + 1)] if one.wish.tasks > 1 else [f"{one.job}.undefined"]


def unfinished(submitted: list[Submitted], records: Mapping[str, Run]) -> list[Submitted]:
    """Return the jobs that can run and have not run to their end yet."""
    return [one for one in submitted if one.wish.can_run and not all(records.get(task, Run()).ended for task in tasks_of(one))]


def ran_unasked(submitted: list[Submitted], records: Mapping[str, Run]) -> list[Submitted]:
    """Return the jobs that ran though they must not: held ones, impossible ones."""
    return [one for one in submitted if not one.wish.can_run and any(task in records for task in tasks_of(one))]


def longest_wait(submitted: list[Submitted], records: Mapping[str, Run]) -> float:
    """Return the seconds between submission and first start of the job that waited longest; a job that waits for another is left out."""
    waits = [records[task].starts[0][0] - one.when
             for one in submitted if not one.wish.after for task in tasks_of(one) if records.get(task, Run()).starts]
    return max(waits, default=0.0)
