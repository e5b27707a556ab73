"""The session in which the captures were taken, once more on the stand-in: the same commands in the same order, with what happened in between."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.torque.records import Queue, Reply
from tests.torque_standin import StandIn

FOLDER = Path(__file__).parents[3] / "captures" / "torque-4.2.10-maui-3.3.1"
_ROW = re.compile(r"^\| `([^`]+)` \| `(.*)` \| (\w+) \| (\d+) \| [\d.]+ \| (\d+) \| (\d+) \|$")
_SUBMISSION = re.compile(r"<= qsub (.*?)(?:\s+#.*)? rc=(\d+)$")
# commands that the stand-in does not have, the shell's own, and one whose circumstances nobody wrote down
_LEFT_OUT = frozenset({"A18-showconfig", "A20-showbf", "B08-qstat-x-user2", "D09-user-pbsnodes-o", "G06-qsub-2nodes", "H10-nodesfile"})


@dataclass(frozen=True)
class Row:
    """One captured command: who ran it, its status, how many bytes it wrote to each output."""

    name: str
    command: str
    user: str
    status: int
    out: int
    err: int

    def kept(self, kind: str) -> str | None:
        """Return a captured output, None when it was not kept."""
        path = FOLDER / f"{self.name}.{kind}"
        return path.read_text(encoding="utf-8") if path.exists() else None


@dataclass(frozen=True)
class Replayed:
    """A captured command and what the stand-in says to it."""

    row: Row
    reply: Reply


def rows(section: str) -> list[Row]:
    """Return the commands of a section of the index, in order; of a name that occurs twice only the last was kept."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    part = re.split(rf"^## {re.escape(section)}\..*$", text, flags=re.MULTILINE)[1].partition("\n## ")[0]
    found = [Row(m[1], m[2].replace("\\|", "|"), m[3], int(m[4]), int(m[5]), int(m[6])) for line in part.splitlines() if (m := _ROW.match(line))]
    return [row for row in found if row.name not in _LEFT_OUT or (row.name == "D09-user-pbsnodes-o" and row.user != "root")]


def words_of(command: str) -> list[str]:
    """Return the words of a command as the index writes it, without its quotes."""
    if command.startswith("qmgr -c "):
        return ["qmgr", "-c", command.removeprefix("qmgr -c ").replace("list_server", "list server")]
    if " -N drained" in command:
        *_, node = command.split()
        return ["pbsnodes", "-o", "-N", "drained by autoscaler <x> & y", node]
    if command.startswith("qdel -m"):
        return ["qdel", "-m", "killed by autoscaler", command.split()[-1]]
    return command.split()


def run(standin: StandIn, row: Row) -> Reply:
    """Run a captured command on the stand-in."""
    words, environment, stdin = words_of(row.command), {}, ""
    if words[0] == "env":
        name, _, value = words[1].partition("=")
        environment, words = {name: value}, words_of(" ".join(words[2:]))
    if words[:2] == ["bash", "-c"]:
        pipe = row.command.partition("|")[2].strip()
        words, stdin = (shlex.split(pipe), "sleep 20") if pipe else (["qmgr"], "\n".join((row.kept("out") or "").splitlines()[1:]))
    return standin.world.call(words, user=row.user, stdin=stdin, environment=environment)


def submissions(file: str) -> list[tuple[list[str], int]]:
    """Return the words and the status of each qsub of a transcript."""
    found = (_SUBMISSION.search(line) for line in (FOLDER / file).read_text(encoding="utf-8").splitlines())
    return [(shlex.split(match[1]), int(match[2])) for match in found if match]


Before = dict[str, Callable[[StandIn], object]]


def replay(standin: StandIn, section: str, before: Before | None = None) -> list[Replayed]:
    """Run a section's commands; what `before` has for a command's name is done first."""
    done = []
    for row in rows(section):
        if before and row.name in before:
            before[row.name](standin)
        done.append(Replayed(row, run(standin, row)))
    return done


def idle_cluster() -> StandIn:
    """Return three free nodes of two processors, two queues, and a job that has just ended."""
    standin = StandIn()
    server = standin.world.server
    server.timing.poll = 6
    server.queues["short"] = Queue("short", attributes={"resources_max.walltime": "00:30:00"})
    for name in ("wn1", "wn2", "wn3"):
        standin.add_node(name)
    standin.submit("-l nodes=1:ppn=2", "sleep 30", user="tqu1")
    standin.wait(45)
    return standin


def add_down_nodes(standin: StandIn) -> None:
    """Define the two nodes that never had a mom."""
    for name, rest in (("wn4", " np=2,properties=foo"), ("wn5", " np=2")):
        standin.boot(name)
        standin.qmgr(f"create node {name}{rest}")


def submit_all(standin: StandIn, file: str) -> list[tuple[list[str], int, Reply]]:
    """Submit everything in a transcript, as the user whose jobs they were."""
    done = []
    for words, status in submissions(file):
        user = "tqu2" if "user2" in words else "tqu1"
        done.append((words, status, standin.world.call(["qsub", *words], user=user, stdin="sleep 100000")))
    return done
