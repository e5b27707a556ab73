"""Grid Engine's commands, as the settings give them, and the readings that are made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from ...errors import BatchRefused, BatchUnreachable
from ...settings.sge import SgeSettings
from ...settings.templates import Template, UnsafeValue
from ..commands import Completed, ProcessRunner, Run, Take, pour
from ..listing import Read, Reading
from .cell import Cell
from .config import (
    Environment,
    parse_complexes,
    parse_environment,
    parse_exec_host,
    parse_group,
    parse_queues,
)
from .debian import Shortcut, read_variables
from .details import JobDetail, parse_details
from .hosts import GLOBAL, HostRecord, fill_jobs
from .hostscan import HostReader
from .jobscan import JobListing, JobReader
from .replies import NOTHING_DEFINED, check_change, check_reached, check_read
from .requests import Translator

READ_TIMEOUT = 60.0  # a listing of 100,000 jobs takes about 10 s
CHANGE_TIMEOUT = 30.0


def process_runner() -> Run:
    """Return the runner of real processes. Wrapped lines are switched off where that reaches (it does not through ssh)."""
    return _Processes(Shortcut(read_variables()))


class _Processes:
    """Runs processes, by the shortest way."""

    def __init__(self, shortcut: Shortcut) -> None:
        self._shortcut = shortcut
        self._direct = ProcessRunner({"SGE_SINGLE_LINE": "1", **shortcut.variables})
        self._plain = ProcessRunner({"SGE_SINGLE_LINE": "1"})

    def __call__(self, argv: tuple[str, ...], *, timeout: float) -> Completed:
        runner, short = self._choose(argv)
        return runner(short, timeout=timeout)

    def stream(self, argv: tuple[str, ...], take: Take, *, timeout: float) -> Completed:
        runner, short = self._choose(argv)
        return runner.stream(short, take, timeout=timeout)

    def _choose(self, argv: tuple[str, ...]) -> tuple[ProcessRunner, tuple[str, ...]]:
        short = self._shortcut(argv)
        return (self._plain if short == argv else self._direct), short


class Tools:
    """Runs the configured commands. A built-in template is the hint where the program is; any other runs as written."""

    def __init__(self, settings: SgeSettings, run: Run) -> None:
        self.settings = settings
        self._run = run
        self._read_jobs, self._read_hosts = JobReader(), HostReader()

    # -- reading

    def jobs(self, translate: Translator | None = None) -> JobListing:
        """List the jobs of all users. With a translator plain jobs come as such."""
        template = self.settings.qstat_command
        argv = self.program(template, "-xml", "-r", "-u", "*") if template.is_builtin else template.argv()
        reader = self._read_jobs if translate else JobReader()
        return self._list(argv, reader.start(translate))

    def details(self, job_ids: Iterable[str]) -> dict[str, JobDetail]:
        """Ask for the details of jobs, in one call. Jobs that ended meanwhile are left out."""
        argv = self.program(self.settings.qstat_command, "-xml", "-j", ",".join(job_ids))
        done = self.run(argv, READ_TIMEOUT)
        check_reached(done, _name(argv))
        return parse_details(done.out)

    def describe(self, job_id: str) -> str | None:
        """Return `qstat -j` of one job as text, None when there is no such job."""
        argv = self.program(self.settings.qstat_command, "-j", job_id)
        done = self.run(argv, READ_TIMEOUT)
        check_reached(done, _name(argv))
        return None if done.status and "do not exist" in done.text else check_read(done, _name(argv))

    def hosts(self) -> tuple[HostRecord, ...]:
        """List all hosts with their queues, jobs and resources."""
        template = self.settings.qhost_command
        argv = self.program(template, "-F", "-q", "-j", "-xml") if template.is_builtin else template.argv()
        return self._list(argv, self._read_hosts.start())

    def host(self, name: str) -> HostRecord | None:
        """Return one host, None when it is no execution host.

        All are listed for it: qhost -h fails for a name that no longer resolves, which is how the names of destroyed machines are.
        """
        found = next((found for found in self.hosts() if same_host(found.name, name)), None)
        if found is None or found.jobs or not found.used:
            return found
        return fill_jobs(found, self.jobs().records)

    def show(self, *arguments: str) -> str:
        """Return what a `qconf -s...` prints, "" when it says that nothing of the kind is defined."""
        argv = self.program(self.settings.qconf_spl_command, *arguments)
        done = self.run(argv, READ_TIMEOUT)
        check_reached(done, _name(argv))
        if done.status and NOTHING_DEFINED.search(done.text):
            return ""
        return check_read(done, _name(argv))

    def cell(self) -> Cell:
        """Read the cell's configuration."""
        members = self.memberships()
        return replace(
            members,
            environments=self._environments(),
            complexes=parse_complexes(self.show("-sc")),
            globals=self.complex_values(GLOBAL),
        )

    def memberships(self) -> Cell:
        """Read only queues and host groups: all that hosts may be entered in."""
        queues = parse_queues(self.show("-sq", "*"))
        return Cell(queues, groups={name: self.group(name) for name in self.show("-shgrpl").split()})

    def group(self, name: str) -> tuple[str, ...]:
        """Return a host group's members; one that does not exist has none."""
        shown = self.show("-shgrp", name)
        return parse_group(shown) if shown else ()

    def complex_values(self, host: str) -> dict[str, str]:
        """Return the complex values configured for a host, none when it is no execution host."""
        shown = self.show("-se", host)
        return parse_exec_host(shown) if shown else {}

    def exec_hosts(self) -> tuple[str, ...]:
        return tuple(self.show("-sel").split())

    def resolves(self, hostname: str) -> str:
        """Return the first address that the head's own resolver gives for a name, "" when there is none.

        The qmaster is not asked: after one failure it refuses the name for a minute.
        """
        done = self.ask_head("getent", "ahosts", hostname)
        if done.status not in (0, 2):  # 2: not found
            raise BatchUnreachable(f"the head could not be asked for the address of {hostname}: {done.brief}")
        words = done.out.decode("utf-8", "replace").split()
        return words[0] if done.status == 0 and words else ""

    def ask_head(self, *command: str) -> Completed:
        """Run a plain command where qconf runs: through the same ssh when there is one, without its sudo, which may allow qconf only."""
        way = self.program(self.settings.qconf_spl_command)[:-1]
        end = next((n for n, word in enumerate(way) if PurePosixPath(word).name in ("sudo", "doas")), len(way))
        return self.run((*way[:end], *command), CHANGE_TIMEOUT)

    def _environments(self) -> dict[str, Environment]:
        template = self.settings.qconf_spl_command
        done = self.run(self.program(template, "-spl") if template.is_builtin else template.argv(), READ_TIMEOUT)
        check_reached(done, str(template))
        names = [] if done.status and NOTHING_DEFINED.search(done.text) else check_read(done, str(template)).split()
        shown = ((name, self._environment(name)) for name in names)
        return {name: parse_environment(name, text) for name, text in shown if text}

    def _environment(self, name: str) -> str:
        template = self.settings.qconf_sp_command
        return self.show("-sp", name) if template.is_builtin else self._read(template.argv(name)).out.decode("utf-8", "replace")

    # -- changing

    def change(self, template: Template, *values: object, harmless: str = "") -> str:
        """Run a configured change. Raises BatchRefused with Grid Engine's words."""
        try:
            argv = template.argv(*values)
        except UnsafeValue as error:
            raise BatchRefused(str(error)) from error
        return check_change(self.run(argv, CHANGE_TIMEOUT), template.render(*values), harmless)

    def configure(self, *arguments: str, harmless: str = "") -> str:
        """Run `qconf` with these arguments as a change."""
        argv = self.program(self.settings.qconf_spl_command, *arguments)
        return check_change(self.run(argv, CHANGE_TIMEOUT), _name(argv), harmless)

    def create_group(self, name: str, harmless: str) -> None:
        """Make an empty host group. qconf takes a definition from a regular file or from an editor only; /bin/true edits nothing anywhere."""
        *before, qconf = self.program(self.settings.qconf_spl_command)
        argv = (*before, "env", "EDITOR=/bin/true", qconf, "-ahgrp", name)
        check_change(self.run(argv, CHANGE_TIMEOUT), _name(argv), harmless)

    # -- running

    def program(self, template: Template, *arguments: str) -> tuple[str, ...]:
        """Return how to call a template's program with other arguments (same directory, same ssh)."""
        argv = template.program_argv(*arguments)
        if argv is None:  # a script of the site's: the program is found by PATH
            return (template.spec.default_text.split()[0], *arguments)
        return argv

    def run(self, argv: tuple[str, ...], timeout: float, take: Take | None = None) -> Completed:
        """Run a command; its output goes to `take`, if given. Raises BatchUnreachable when it cannot be run or does not end in time."""
        try:
            return pour(self._run, argv, take, timeout) if take else self._run(argv, timeout=timeout)
        except OSError as error:
            raise BatchUnreachable(f"{argv[0]} cannot be run: {error.strerror}; see the commands in cluster: config:") from error

    def _list(self, argv: tuple[str, ...], reading: Reading[Read]) -> Read:
        """Read a long listing while it comes."""
        done = self.run(argv, READ_TIMEOUT, reading.feed)
        if done.status:
            check_read(done, _name(argv))
        return reading.end()

    def _read(self, argv: tuple[str, ...]) -> Completed:
        done = self.run(argv, READ_TIMEOUT)
        if done.status:
            check_read(done, _name(argv))
        return done


def same_host(one: str, other: str) -> bool:
    """Tell whether two names mean one host: equal, or one is the short form of the other."""
    one, other = one.lower(), other.lower()
    if "." in one and "." in other:
        return one == other
    return one.partition(".")[0] == other.partition(".")[0]


def _name(argv: tuple[str, ...]) -> str:
    return " ".join(argv)[:200]
