"""A Grid Engine cell in memory that answers commands with the texts and exit states of the real 8.1.9, its odd ones included."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from saltext.dynamiccluster.batch.commands import Completed
from saltext.dynamiccluster.errors import BatchUnreachable

COMPLEXES = """\
#name               shortcut   type        relop   requestable consumable default  urgency
#------------------------------------------------------------------------------------------
arch                a          STRING      ==      YES         NO         NONE     0
exclusive           excl       BOOL        EXCL    YES         YES        0        1000
gpu                 gpu        INT         <=      YES         YES        0        0
h_rt                h_rt       TIME        <=      YES         NO         0:0:0    0
h_vmem              h_vmem     MEMORY      <=      YES         NO         0        0
hostname            h          HOST        ==      YES         NO         NONE     0
mem_free            mf         MEMORY      <=      YES         NO         0        0
slots               s          INT         <=      YES         YES        1        1000
"""
RULES = {"smp": "$pe_slots", "rr": "$round_robin", "fill": "$fill_up", "mpi2": "2"}


@dataclass
class FakeHost:
    address: str = ""
    executes: bool = False  # an execution daemon runs there
    known: bool = False  # it is an execution host
    disabled: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)


@dataclass
class FakeJob:
    id: str
    state: str = "qw"
    host: str = ""
    queue: str = "all.q"
    slots: int = 1
    restart: int = 0
    extra: str = ""


class FakeGridEngine:
    """A cell with two queues over @allhosts. Called like a Run."""

    def __init__(self) -> None:
        self.machines: dict[str, FakeHost] = {}
        self.groups: dict[str, list[str]] = {"@allhosts": []}
        self.queues: dict[str, list[str]] = {"all.q": ["@allhosts"], "long.q": ["@allhosts"]}
        self.slots: dict[tuple[str, str], int] = {}
        self.jobs: dict[str, FakeJob] = {}
        self.managers = ["root"]
        self.user = "root"
        self.down = False
        self.frozen = False
        self.calls: list[tuple[str, ...]] = []
        self.overrides: dict[str, tuple[int, str, str]] = {}  # first words of a command: what it answers instead

    def __call__(self, argv: tuple[str, ...], *, timeout: float) -> Completed:
        words = [PurePosixPath(argv[0]).name, *argv[1:]]
        if words[0] == "env":
            words = [PurePosixPath(words[2]).name, *words[3:]]
        self.calls.append(tuple(words))
        for prefix, (status, out, err) in self.overrides.items():
            if f"{' '.join(words)} ".startswith(f"{prefix} "):
                return Completed(status, out.encode(), err.encode())
        if words[0] in ("getent", "id", "hostname"):
            return self._plain(words)
        if self.frozen:
            raise BatchUnreachable(f"{words[0]} did not answer within {timeout:g} s")
        if self.down:
            text = b'error: commlib error: got select error (Connection refused)\nunable to send message to qmaster using port 6444 on host "head": got send error\n'
            return Completed(1, b"", text)
        answer = getattr(self, f"_{words[0]}")(words[1:])
        return answer if isinstance(answer, Completed) else Completed(0, answer.encode())

    # -- what tests do to the world

    def boot(self, name: str, address: str = "10.0.0.1") -> None:
        self.machines.setdefault(name, FakeHost()).address = address

    def start_execd(self, name: str) -> None:
        self.machines[name].executes = True

    def power_off(self, name: str) -> None:
        self.machines[name].executes = False
        self.machines[name].address = ""

    def run_job(self, host: str, job_id: str, *, rerunnable: bool = False, queue: str = "all.q") -> None:
        self.jobs[job_id] = FakeJob(job_id, "r", host, queue, restart=1 if rerunnable else 0)

    # -- answers

    def _plain(self, words: list[str]) -> Completed:
        if words[0] == "id":
            return Completed(0, self.user.encode())
        if words[0] == "hostname":
            return Completed(0, b"head\n")
        machine = self.machines.get(words[-1])
        if machine is None or not machine.address:
            return Completed(2)
        return Completed(0, f"{machine.address} STREAM {words[-1]}\n{machine.address} DGRAM\n".encode())

    def _instances(self, host: str) -> list[str]:
        return [name for name, entries in self.queues.items() if any(host in self._expand(entry) for entry in entries)]

    def _expand(self, entry: str) -> list[str]:
        if not entry.startswith("@"):
            return [entry]
        return [host for member in self.groups.get(entry, []) for host in self._expand(member)]

    def _qstat(self, words: list[str]) -> Completed | str:
        if "-j" in words:
            return self._details(words)
        rows = {"running": "", "pending": ""}
        for job in self.jobs.values():
            kind = "running" if job.host else "pending"
            where = f"{job.queue}@{job.host}" if job.host else ""
            rows[kind] += (
                f'<job_list state="{kind}">\n<JB_job_number>{job.id.partition(".")[0]}</JB_job_number>\n<JAT_prio>0.5</JAT_prio>\n'
                f"<JB_name>j</JB_name>\n<JB_owner>alice</JB_owner>\n<state>{job.state}</state>\n<queue_name>{where}</queue_name>\n"
                f"<slots>{job.slots}</slots>\n{job.extra}</job_list>\n"
            )
        body = f"<queue_info>\n{rows['running']}</queue_info>\n<job_info>\n{rows['pending']}</job_info>"
        return f"<?xml version='1.0'?>\n<job_info  xmlns:xsd=\"x\">\n{body}\n</job_info>\n"

    def _details(self, words: list[str]) -> Completed | str:
        found = [job for job in self.jobs.values() if job.id.partition(".")[0] in words[-1].split(",")]
        if "-xml" not in words:
            if not found:
                return Completed(1, b"", b"Following jobs do not exist: \n" + words[-1].encode())
            return f"=====\njob_number:     {found[0].id}\nenv_list:    SECRET=x\nscheduling info:    queue full\n      and more\n"
        if not found:
            return f"<?xml version='1.0'?>\n<unknown_jobs >\n<ST_name>{words[-1]}</ST_name>\n</unknown_jobs>\n"
        rows = "".join(
            f"<element><JB_job_number>{job.id.partition('.')[0]}</JB_job_number><JB_restart>{job.restart}</JB_restart></element>" for job in found
        )
        return f"<?xml version='1.0'?>\n<detailed_job_info  xmlns:xsd=\"x\"><djob_info>{rows}</djob_info></detailed_job_info>\n"

    def _qhost(self, words: list[str]) -> str:
        rows = "<host name='global'>\n<hostvalue name='num_proc'>-</hostvalue>\n</host>\n"
        names = {name for name, machine in self.machines.items() if machine.known}
        for name in sorted(names | {job.host for job in self.jobs.values() if job.host}):
            rows += self._host_row(name, self.machines[name])
        return f"<?xml version='1.0'?>\n<qhost xmlns:xsd=\"x\">\n{rows}</qhost>\n"

    def _host_row(self, name: str, machine: FakeHost) -> str:
        load, processors = ("0.1", "4") if machine.executes else ("-", "4" if machine.values.get("_seen") else "-")
        if machine.executes:
            machine.values["_seen"] = "1"
        row = f"<host name='{name}'>\n<hostvalue name='num_proc'>{processors}</hostvalue>\n<hostvalue name='load_avg'>{load}</hostvalue>\n"
        row += f"<hostvalue name='mem_total'>{'7.5G' if processors != '-' else '-'}</hostvalue>\n"
        jobs = [job for job in self.jobs.values() if job.host == name]
        for queue in self._instances(name) or sorted({job.queue for job in jobs}):
            letters = ("" if machine.executes else "au") + ("d" if queue in machine.disabled else "")
            letters += "" if queue in self._instances(name) else "o"
            used = sum(job.slots for job in jobs if job.queue == queue)
            values = {"slots_used": used, "slots": self.slots.get((queue, name), 0), "state_string": letters}
            row += f"<queue name='{queue}'>" + "".join(f"<queuevalue qname='{queue}' name='{k}'>{v}</queuevalue>" for k, v in values.items()) + "</queue>\n"
        for job in jobs:
            number, _, task = job.id.partition(".")
            row += f"<job name='{number}'>" + (f"<jobvalue jobid='{number}' name='taskid'>{task}</jobvalue>" if task else "") + "</job>\n"
        return row + "</host>\n"

    def _qmod(self, words: list[str]) -> Completed | str:
        if words[:2] == ["-f", "-rj"]:
            return self._reschedule(words[2])
        if words[0] == "-rj":
            return self._push(words[1])
        name = words[1].partition("@")[2]
        machine, queues = self.machines.get(name), self._instances(name)
        if machine is None or not queues:
            return Completed(1, f'invalid queue "{words[1]}"\n'.encode())
        if self.user not in self.managers:
            return Completed(1, "".join(f'{self.user} - you have no permission to modify queue "{q}@{name}"\n' for q in queues).encode())
        return "".join(self._toggle(queue, name, machine, words[0] == "-d") for queue in queues)

    def _toggle(self, queue: str, name: str, machine: FakeHost, disable: bool) -> str:
        word = "disabled" if disable else "enabled"
        if (queue in machine.disabled) is disable:
            return f'Queue instance "{queue}@{name}" is already in the specified state: {word}\n'
        (machine.disabled.add if disable else machine.disabled.discard)(queue)
        return f'root@head changed state of "{queue}@{name}" ({word})\n'

    def _push(self, job_id: str) -> Completed | str:
        job = self.jobs.get(job_id)
        if job is not None and job.host and job.restart != 1:
            return f"The job {job_id} is not restartable\n"
        said = self._reschedule(job_id)
        return said.replace("Forced", "Pushed") if isinstance(said, str) else said

    def _reschedule(self, job_id: str) -> Completed | str:
        job = self.jobs.get(job_id)
        if job is None or not job.host:
            return Completed(1, f'invalid queue or job "{job_id}"\n'.encode())
        host, job.host, job.state = job.host, "", "Rq"
        return f"Forced rescheduling of job {job_id} on host {host}\n"

    def _qdel(self, words: list[str]) -> Completed | str:
        job = self.jobs.get(words[-1])
        if job is None:
            return Completed(1, f'denied: job "{words[-1]}" does not exist\n'.encode())
        if "-f" not in words and not self.machines[job.host].executes:
            job.state = "dr"
            return f"root has registered the job {job.id} for deletion\n"
        del self.jobs[job.id]
        return f"root forced the deletion of job {job.id}\n"

    def _qconf(self, words: list[str]) -> Completed | str:
        option = words[0]
        if option in ("-aattr", "-dattr", "-rattr", "-mattr", "-purge", "-de", "-ahgrp") and self.user not in self.managers:
            status = 0 if option == "-ahgrp" else 1
            return Completed(status, b"", f'denied: "{self.user}" must be manager for this operation\n'.encode())
        return getattr(self, f"_qconf_{option.lstrip('-')}")(words[1:])

    def _qconf_sq(self, words: list[str]) -> str:
        return "\n".join(self._queue_text(name) for name in self.queues)

    def _queue_text(self, name: str) -> str:
        slots = ",".join(["0", *(f"[{host}={n}]" for (queue, host), n in self.slots.items() if queue == name)])
        return (
            f"qname                 {name}\nhostlist              {' '.join(self.queues[name]) or 'NONE'}\nqtype                 BATCH INTERACTIVE\n"
            f"pe_list               {' '.join(RULES)}\nrerun                 FALSE\nslots                 {slots}\n"
            "complex_values        NONE\ninitial_state         default\nh_rt                  INFINITY\n"
        )

    def _qconf_sc(self, words: list[str]) -> str:
        return COMPLEXES

    def _qconf_shgrpl(self, words: list[str]) -> str:
        return "\n".join(self.groups) + "\n"

    def _qconf_shgrp(self, words: list[str]) -> Completed | str:
        if words[0] not in self.groups:
            return Completed(1, b"", f'Host group "{words[0]}" does not exist\n'.encode())
        return f"group_name {words[0]}\nhostlist {' '.join(self.groups[words[0]]) or 'NONE'}\n"

    def _qconf_spl(self, words: list[str]) -> str:
        return "\n".join(RULES) + "\n"

    def _qconf_sp(self, words: list[str]) -> Completed | str:
        if words[0] not in RULES:
            return Completed(1, b"", f"{words[0]} is not a parallel environment\n".encode())
        return f"pe_name            {words[0]}\nslots              9999\nallocation_rule    {RULES[words[0]]}\n"

    def _qconf_se(self, words: list[str]) -> Completed | str:
        machine = FakeHost(known=True) if words[0] == "global" else self.machines.get(words[0])
        if machine is None or not machine.known:
            return Completed(1, b"", f"{words[0]} is not an execution host\n".encode())
        values = ",".join(f"{k}={v}" for k, v in machine.values.items() if k != "_seen")
        return f"hostname              {words[0]}\ncomplex_values        {values or 'NONE'}\nload_values           NONE\n"

    def _qconf_sel(self, words: list[str]) -> Completed | str:
        names = sorted(name for name, machine in self.machines.items() if machine.known)
        return "\n".join(names) + "\n" if names else Completed(1, b"", b"no execution host defined\n")

    def _qconf_sm(self, words: list[str]) -> str:
        return "\n".join(self.managers) + "\n"

    def _qconf_sh(self, words: list[str]) -> str:
        return "head\n"

    _qconf_ss = _qconf_sh

    def _qconf_ahgrp(self, words: list[str]) -> str:
        self.groups[words[0]] = []
        return f'root@head added "{words[0]}" to host group list\n'

    def _qconf_aattr(self, words: list[str]) -> Completed | str:
        kind, _, host, name = words
        lists = self.groups if kind == "hostgroup" else self.queues
        if name not in lists:
            return Completed(1, b"", f'denied: host group "{name}" does not exist\n'.encode())
        machine = self.machines.get(host)
        if machine is None or not (machine.address or machine.known):
            return Completed(1, b"", f'unable to resolve host "{host}"\n'.encode())
        said = f'No modification because "{host}" already exists in "hostlist" of "{kind}"\n' if host in lists[name] else ""
        if not said:
            lists[name].append(host)
        machine.known = machine.known or bool(self._instances(host))
        return f'{said}root@head modified "{name}" in host group list\n'

    def _qconf_dattr(self, words: list[str]) -> Completed | str:
        kind, _, host, name = words
        lists = self.groups if kind == "hostgroup" else self.queues
        if name not in lists:
            return Completed(1, b"", f'denied: host group "{name}" does not exist\n'.encode())
        said = "" if host in lists[name] else f'"{host}" does not exist in "hostlist" of "{kind}"\n'
        if not said:
            lists[name].remove(host)
        return f'{said}root@head modified "{name}" in host group list\n'

    def _qconf_rattr(self, words: list[str]) -> str:
        queue, _, host = words[3].partition("@")
        self.slots[queue, host] = int(words[2])
        return f'root@head modified "{queue}" in cluster queue list\n'

    def _qconf_mattr(self, words: list[str]) -> str:
        self.machines[words[3]].values.update(item.split("=") for item in words[2].split(","))
        return f'"complex_values" of "exechost" is empty - Adding new element(s).\nroot@head modified "{words[3]}" in exechost list\n'

    def _qconf_purge(self, words: list[str]) -> Completed | str:
        queue, _, host = words[2].partition("@")
        if self.slots.pop((queue, host), None) is None:
            return Completed(0, b"", f'Attribute name ("{words[1]}") and/or value ("{host}") not found\n'.encode())
        return f'root@head modified "{queue}" in cluster queue list\n'

    def _qconf_ke(self, words: list[str]) -> Completed:
        self.machines[words[0]].executes = False
        return Completed(0, b"", f"sent shutdown notification to  execd host {words[0]}\n".encode())

    def _qconf_de(self, words: list[str]) -> Completed:
        machine = self.machines.get(words[0])
        if machine is None or not machine.known:
            return Completed(1, b"", f'denied: execution host "{words[0]}" does not exist\n'.encode())
        for name, members in (*self.queues.items(), *self.groups.items()):
            if words[0] in members:
                return Completed(1, b"", f'Host object "{words[0]}" is still referenced in "{name}".\n'.encode())
        machine.known = False
        machine.disabled.clear()
        return Completed(0, b"", f'root@head removed "{words[0]}" from execution host list\n'.encode())

    def _qconf_dh(self, words: list[str]) -> Completed:
        return Completed(1, b"", f'denied: administrative host "{words[0]}" does not exist\n'.encode())

    def _qconf_ds(self, words: list[str]) -> Completed:
        return Completed(1, b"", f'denied: submit host "{words[0]}" does not exist\n'.encode())

    def _qconf_dconf(self, words: list[str]) -> Completed:
        return Completed(1, b"", f"configuration {words[0]} not defined\n".encode())


def asked(calls: list[tuple[str, ...]], pattern: str) -> list[str]:
    """Return the commands that match a pattern."""
    return [line for line in map(" ".join, calls) if re.search(pattern, line)]
