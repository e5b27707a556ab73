"""A Torque server with Maui in memory that answers commands with the texts and exit states of the real 4.2.10 and 3.3.1, their odd ones included."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from xml.sax.saxutils import escape

from saltext.dynamiccluster.batch.commands import Completed
from saltext.dynamiccluster.errors import BatchUnreachable

SUFFIX = "tqm.tq.test"
REFUSED = f"Unable to communicate with {SUFFIX}(10.77.0.1)\nCannot connect to specified server host '{SUFFIX}'.\n"
NO_MAUI = "ERROR:    cannot send request to server head:40559 (server may not be running)\nERROR:    cannot request service (status)\n"
MAUI = frozenset({"diagnose", "showres", "setres", "releaseres", "checknode", "showq", "releasehold", "showconfig"})


@dataclass
class FakeNode:
    np: int = 1
    properties: list[str] = field(default_factory=list)
    offline: bool = True
    note: str = ""
    heard: bool = False
    alive: bool = False
    unsent: bool = False  # version 6, just after its definition


@dataclass
class FakeJob:
    id: str
    state: str = "Q"
    host: str = ""
    rerunnable: bool = False
    resources: str = "<nodes>1</nodes><nodect>1</nodect>"
    more: str = ""
    queue: str = "batch"


class FakeTorque:
    """Called like a Run. Tests change the world through its attributes."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.nodes: dict[str, FakeNode] = {}
        self.jobs: dict[str, FakeJob] = {}
        self.queues = {"batch": "True", "short": "True"}
        self.server: dict[str, str] = {"managers": "root@tqm", "query_other_jobs": "True"}
        self.user = "root"
        self.version = "4.2.10"
        self.down = self.frozen = self.maui_down = False
        self.seen: dict[str, str] = {}  # what Maui knows of nodes since its last poll
        self.reservations: list[tuple[str, str]] = []  # id, node
        self.deferred: set[str] = set()
        self.held: set[str] = set()  # by an administrator of Maui
        self.priorities: dict[str, str] = {}
        self.maui_settings = {"DEFERTIME[0]": "1:00:00"}
        self.calls: list[tuple[str, ...]] = []
        self.overrides: dict[str, Completed] = {}

    def __call__(self, argv: tuple[str, ...], *, timeout: float) -> Completed:
        words = [PurePosixPath(argv[0]).name, *argv[1:]]
        self.calls.append(tuple(words))
        for prefix, done in self.overrides.items():
            if " ".join(words).startswith(prefix):
                return done
        if words[0] in ("getent", "id"):
            return self._plain(words)
        if words[0] in MAUI:
            if self.maui_down:
                return Completed(1, b"", NO_MAUI.encode())
        elif self.frozen:
            raise BatchUnreachable(f"{words[0]} did not answer within {timeout:g} s")
        elif self.down and words[1] != "--version":
            status = {"pbsnodes": 1, "qmgr": 3}.get(words[0], 111)
            return Completed(
                status, b"", f"{REFUSED}{words[0]}: cannot connect to server {SUFFIX} (errno=111) Connection refused\n".encode()
            )
        answer = getattr(self, f"_{words[0].replace('-', '_')}")(words[1:])
        return answer if isinstance(answer, Completed) else Completed(0, answer.encode())

    def called(self, *beginning: str) -> list[tuple[str, ...]]:
        return [call for call in self.calls if call[: len(beginning)] == beginning]

    # -- what tests do to the world

    def boot(self, name: str, address: str = "10.0.0.1") -> None:
        self.addresses[name] = address

    def start_mom(self, name: str) -> None:
        self.nodes[name].alive = self.nodes[name].heard = True

    def power_off(self, name: str) -> None:
        self.nodes[name].alive = False
        self.addresses.pop(name, None)

    def add(self, name: str, np: int = 4, **more: object) -> FakeNode:
        """Define a node that serves."""
        self.nodes[name] = FakeNode(np, offline=False, heard=True, alive=True, **more)  # type: ignore[arg-type]
        self.boot(name)
        self.poll()
        return self.nodes[name]

    def poll(self) -> None:
        """Let Maui look at the nodes; deleted ones linger."""
        for name, node in self.nodes.items():
            self.seen[name] = "Down" if not node.alive else "Drained" if node.offline else "Idle"

    def run_job(self, host: str, number: str, *, rerunnable: bool = False) -> str:
        self.jobs[number] = FakeJob(number, "R", host, rerunnable)
        return f"{number}.{SUFFIX}"

    # -- answers of Torque

    def _plain(self, words: list[str]) -> Completed:
        if words[0] == "id":
            return Completed(0, self.user.encode())
        address = self.addresses.get(words[-1])
        return Completed(0, f"{address} STREAM {words[-1]}\n".encode()) if address else Completed(2)

    def _qstat(self, words: list[str]) -> Completed | str:
        if words == ["--version"]:
            return Completed(0, b"", f"version: {self.version}\n".encode())
        jobs = list(self.jobs.values())
        if words[-1][0].isdigit():
            number = words[-1].partition(".")[0]
            if number not in self.jobs:
                return Completed(153, b"", f"qstat: Unknown Job Id Error {number}.{SUFFIX}\n".encode())
            jobs = [self.jobs[number]]
        return "<Data>" + "".join(map(self._show_job, jobs)) + "</Data>\n" if jobs else ""

    def _show_job(self, job: FakeJob) -> str:
        hosts = "+".join(f"{host}/{number}" for number, host in enumerate(job.host.split("+"))) if job.host else ""
        return (
            f"<Job><Job_Id>{job.id}.{SUFFIX}</Job_Id><Job_Name>j</Job_Name><Job_Owner>alice@tqm</Job_Owner><job_state>{job.state}</job_state>"
            f"<queue>{job.queue}</queue><ctime>100</ctime>{f'<exec_host>{hosts}</exec_host>' if hosts else ''}"
            f"<Rerunable>{job.rerunnable}</Rerunable><Resource_List>{job.resources}<walltime>01:00:00</walltime></Resource_List>"
            f"<Variable_List>SECRET=x</Variable_List><queue_type>E</queue_type>{job.more}</Job>"
        )

    def _pbsnodes(self, words: list[str]) -> Completed | str:
        option, names = words[0], list(words[1:])
        note = None
        if "-N" in words:
            at = words.index("-N")
            note, names = words[at + 1], words[at + 2 :]
        if option == "-x":
            return self._show_nodes(names)
        said = ""
        for name in names:
            node = self.nodes.get(name)
            if node is None or self.user != "root" or node.unsent:
                trouble = (
                    "Unknown node"
                    if node is None
                    else "Invalid request"
                    if node.unsent
                    else "Unauthorized Request  MSG=error in permissions (PERM_OPorMGR)"
                )
                said += f"Error marking node {name} - {trouble} \n"
                continue
            node.offline = {"-o": True, "-c": False}.get(option, node.offline)
            node.note = node.note if note is None else "" if note == "n" else note
        return Completed(0, b"", said.encode())

    def _show_nodes(self, names: list[str]) -> Completed | str:
        if not self.nodes and not names:
            return Completed(1, b"", b"pbsnodes: Server has no node list MSG=node list is empty - check 'server_priv/nodes' file\n")
        if any(name not in self.nodes for name in names):
            return Completed(1, b"", b"pbsnodes: Unknown node  MSG=cannot locate specified node\n")
        return "<Data>" + "".join(self._show_node(name) for name in names or self.nodes) + "</Data>\n"

    def _show_node(self, name: str) -> str:
        node = self.nodes[name]
        jobs = [job for job in self.jobs.values() if name in job.host.split("+") and job.state in "RE"]
        flags = (
            ["down"] * (not node.alive)
            + ["offline"] * node.offline
            + ["MOM-list-not-sent"] * node.unsent
            + ["job-exclusive"] * (len(jobs) >= node.np)
        )
        listed = ",".join(f"{slot}/{job.id}.{SUFFIX}" for slot, job in enumerate(jobs))
        status = "rectime=1,jobs=,state=free,loadave=0.10,ncpus=4,physmem=8000000kb,totmem=8000000kb,opsys=linux"
        return (
            f"<Node><name>{name}</name><state>{','.join(flags) or 'free'}</state><np>{node.np}</np>"
            + (f"<properties>{','.join(node.properties)}</properties>" if node.properties else "")
            + "<ntype>cluster</ntype>"
            + (f"<jobs>{listed}</jobs>" if jobs else "")
            + (f"<status>{status}</status>" if node.heard else "")
            + (f"<note>{escape(node.note)}</note>" if node.note else "")
            + "<mom_service_port>15002</mom_service_port></Node>"
        )

    def _qmgr(self, words: list[str]) -> Completed | str:
        line = words[1]
        if line == "print server":
            return self._print_server()
        if self.user != "root":
            return Completed(2, b"", b"qmgr obj=wn9 svr=default: Unauthorized Request  MSG=error in permissions (PERM_MANAGER)\n")
        verb, name, *rest = line.replace(" node ", " ", 1).split()
        if verb == "create":
            if name in self.nodes:
                return self._qmgr_no(name, "Node name already exists")
            if name not in self.addresses:
                return self._qmgr_no(name, "Unknown node ")
            self.nodes[name] = FakeNode()
            return ""
        if name not in self.nodes:
            return self._qmgr_no(name, "Unknown node ")
        if verb == "delete":
            del self.nodes[name]
            return ""
        return self._set(name, *rest)

    def _set(self, name: str, attribute: str, operator: str, value: str) -> Completed | str:
        node = self.nodes[name]
        if attribute == "np":
            node.np = int(value)
        elif attribute == "properties":
            node.properties = [*(node.properties if operator == "+=" else []), value]
        else:
            return self._qmgr_no(name, f"Undefined attribute  {attribute}")
        return ""

    def _qmgr_no(self, name: str, why: str) -> Completed:
        return Completed(2, b"", f"qmgr obj={name} svr=default: {why}\n".encode())

    def _print_server(self) -> str:
        lines = []
        for name, started in self.queues.items():
            lines += [f"create queue {name}", f"set queue {name} queue_type = Execution", f"set queue {name} started = {started}"]
        return "\n".join([*lines, *(f"set server {name} = {value}" for name, value in self.server.items())]) + "\n"

    def _qdel(self, words: list[str]) -> Completed | str:
        job = self.jobs.get(words[-1].partition(".")[0])
        if job is None:
            return Completed(153)
        if job.state == "C":
            return Completed(
                170, b"", f"qdel: Request invalid for state of job MSG=invalid state for job - COMPLETE {words[-1]}\n".encode()
            )
        if words[0] == "-p":
            del self.jobs[job.id]
            return ""
        if job.host and (job.host not in self.nodes or not self.nodes[job.host].alive):
            return Completed(224, b"", f"qdel: Server could not connect to MOM {words[-1]}\n".encode())
        job.state, job.host = "C", ""
        return ""

    def _qsig(self, words: list[str]) -> Completed | str:
        return (
            "" if words[-1].partition(".")[0] in self.jobs else Completed(153, b"", b"qsig: Unknown Job Id Error MSG=cannot locate job\n")
        )

    def _qrerun(self, words: list[str]) -> Completed | str:
        job = self.jobs.get(words[-1].partition(".")[0])
        if job is None:
            return Completed(153, b"", b"qrerun: Unknown Job Id Error\n")
        if not job.rerunnable:
            return Completed(170, b"", b"qrerun: Job is not rerunnable\n")
        job.state, job.host = "Q", ""
        return ""

    def _service(self, words: list[str]) -> str:
        return ""

    # -- answers of Maui

    def _diagnose(self, words: list[str]) -> str:
        if not self.priorities:
            return "diagnosing job priority information (partition: ALL)\n\nno idle jobs in queue\n"
        rows = "".join(f"{number:<30}{priority:<5}  100.0(  1.9)\n" for number, priority in self.priorities.items())
        head = (
            "diagnosing job priority information (partition: ALL)\n\n"
            "Job                    PRIORITY*   Serv(QTime)\n             Weights   --------       1(    1)\n\n"
        )
        return f"{head}{rows}\nPercent Contribution   --------   100.0(100.0)\n\n* indicates system prio set on job\n"

    def _checknode(self, words: list[str]) -> Completed | str:
        if words[0] not in self.seen:
            return Completed(1, b"", f"ERROR:    'checknode' failed\nERROR:  cannot locate node '{words[0]}'\n\n".encode())
        return f"\n\nchecking node {words[0]}\n\nState:      {self.seen[words[0]]}  (in current state for 00:00:12)\n"

    def _showres(self, words: list[str]) -> str:
        rows = "".join(
            f"{node:>20}       User {id:>18}        N/A    1   -00:00:18    INFINITE  Sun Nov 22 06:27:15\n"
            for id, node in self.reservations
        )
        return f"reservations on Sun Nov 22 06:27:33\n\n   NodeName  Type  ReservationID\n\n{rows}{len(self.reservations)} nodes reserved\n"

    def _setres(self, words: list[str]) -> Completed | str:
        """A node's name is a regular expression that matches anywhere."""
        _, name, pattern = words
        nodes = [node for node in self.seen if re.search(pattern, node)]
        if not nodes:
            text = f"ERROR:    'setres' failed\nERROR:    no matches found for node expression\nERROR:    cannot determine nodelist for '{pattern}'\n\n"
            return Completed(1, b"", text.encode())
        number = sum(known.startswith(f"{name}.") for known, _ in dict.fromkeys(self.reservations))
        self.reservations += [(f"{name}.{number}", node) for node in nodes]
        return f"\nreservation created\n\n\nreservation '{name}.{number}' created on {len(nodes)} node (2 tasks)\n" + "".join(
            f"{node}:1\n" for node in nodes
        )

    def _releaseres(self, words: list[str]) -> str:
        if not any(known == words[0] for known, _ in self.reservations):
            return f"\n\nERROR:    cannot locate reservation '{words[0]}'\n\n"
        self.reservations = [row for row in self.reservations if row[0] != words[0]]
        return f"\n\nreleased User reservation '{words[0]}'\n\n"

    def _showq(self, words: list[str]) -> str:
        rows = [(number, "Deferred") for number in sorted(self.deferred)] + [(number, "Hold") for number in sorted(self.held)]
        body = "".join(f"{number:<22} alice {state:>10}     1     1:00:00  Sun Nov 22 06:40:53\n" for number, state in rows)
        return f"ACTIVE JOBS--------------------\n\nBLOCKED JOBS----------------\nJOBNAME\n\n{body}\nTotal Jobs: {len(rows)}\n"

    def _releasehold(self, words: list[str]) -> str:
        pattern = words[-1].replace("[[]", r"\[").replace("[]]", r"\]")
        released = {number for number in self.deferred | self.held if re.fullmatch(pattern, number)}
        self.deferred -= released
        self.held -= released
        return "\njob holds adjusted\n"

    def _showconfig(self, words: list[str]) -> str:
        rows = "".join(f"{name:<33} {value}\n" for name, value in self.maui_settings.items())
        return f"# Maui version 3.3.1 (PID: 99)\n# global policies\n\n{rows}"
