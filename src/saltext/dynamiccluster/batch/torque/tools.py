"""The commands of Torque and Maui, as the settings give them, and the readings that are made of them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import PurePosixPath

from ...errors import BatchRefused, BatchUnreachable
from ...settings.templates import Template, UnsafeValue
from ...settings.torque import TorqueSettings
from ..commands import Completed, ProcessRunner, Run, Take, pour
from .jobs import JobRecord
from .jobscan import JobReader
from .maui import (
    NodeReservation,
    parse_blocked,
    parse_node_state,
    parse_priorities,
    parse_reservations,
    parse_settings,
)
from .nodes import NodeRecord, parse_nodes
from .replies import (
    NO_NODES,
    STATUS_UNKNOWN_JOB,
    UNKNOWN_JOB,
    UNKNOWN_NODE,
    check_change,
    check_maui,
    check_reached,
    check_read,
)
from .server import Server, parse_server

READ_TIMEOUT = 60.0  # a listing of 100,000 jobs takes about 25 s
CHANGE_TIMEOUT = 30.0
MAUI_TIMEOUT = 20.0
_BRACKET = re.compile(r"[\[\]]")  # of an array's element: a pattern would read it as a set of characters


def process_runner() -> Run:
    """Return the runner of real processes."""
    return ProcessRunner({})


class Tools:
    """Runs the configured commands. A built-in template is the hint where the program is; any other runs as written."""

    def __init__(self, settings: TorqueSettings, run: Run) -> None:
        self.settings = settings
        self._run = run
        self._read_jobs = JobReader()

    # -- reading Torque

    def jobs(self) -> tuple[JobRecord, ...]:
        """List the jobs of all users, the elements of arrays one by one."""
        template = self.settings.qstat_command
        argv = self.program(template, "-x", "-t") if template.is_builtin else template.argv()
        reading = self._read_jobs.start()
        check_read(self.run(argv, READ_TIMEOUT, reading.feed), _name(argv))
        return reading.end()

    def job(self, job_id: str) -> bytes:
        """Return qstat's document on one job, b"" when there is none of that id. An array's own id lists every job."""
        argv = self.program(self.settings.qstat_command, "-x", job_id)
        done = self.run(argv, READ_TIMEOUT)
        check_reached(done, _name(argv))
        if done.status == STATUS_UNKNOWN_JOB or UNKNOWN_JOB.search(done.text):
            return b""
        return check_read(done, _name(argv))

    def nodes(self) -> tuple[NodeRecord, ...]:
        """List all nodes."""
        argv = self.values(self.settings.pbsnodes_command, "-x", "")
        done = self.run(argv, READ_TIMEOUT)
        check_reached(done, _name(argv))
        if not done.out.strip() and NO_NODES.search(done.text):
            return ()
        return parse_nodes(check_read(done, _name(argv)))

    def node(self, hostname: str) -> NodeRecord | None:
        """Return one node, None when there is none of that name."""
        argv = self.values(self.settings.pbsnodes_command, "-x", hostname)
        done = self.run(argv, READ_TIMEOUT)
        check_reached(done, _name(argv))
        if done.status and (UNKNOWN_NODE.search(done.text) or NO_NODES.search(done.text)):
            return None
        found = parse_nodes(check_read(done, _name(argv)))
        return next((record for record in found if same_host(record.name, hostname)), None)

    def server(self) -> Server:
        """Read the server's configuration."""
        argv = self.program(self.settings.set_node_command, "-c", "print server")
        return parse_server(check_read(self.run(argv, READ_TIMEOUT), _name(argv)).decode("utf-8", "replace"))

    def version(self) -> str:
        """Return what `qstat --version` says, such as 4.2.10, "" when it says nothing of the kind."""
        done = self.run(self.program(self.settings.qstat_command, "--version"), CHANGE_TIMEOUT)
        for line in done.text.splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() == "version":
                return value.strip()
        return ""

    def resolves(self, hostname: str) -> str:
        """Return the first address that the head's own resolver gives for a name, "" when there is none."""
        done = self.run(self.beside(self.settings.add_node_command, "getent", "ahosts", hostname), CHANGE_TIMEOUT)
        if done.status not in (0, 2):  # 2: not found
            raise BatchUnreachable(f"the head could not be asked for the address of {hostname}: {done.brief}")
        words = done.out.decode("utf-8", "replace").split()
        return words[0] if done.status == 0 and words else ""

    # -- reading Maui

    def priorities(self) -> dict[str, float]:
        """Return the priorities of the jobs that Maui would start now."""
        template = self.settings.diagnose_p_command
        return parse_priorities(self.maui(self.program(template, "-p") if template.is_builtin else template.argv()))

    def reservations(self, hostname: str = "") -> tuple[NodeReservation, ...]:
        """Return the reservations of all nodes, besides those of jobs. A script of the site's tells those of one node only."""
        template = self.settings.showres_command
        if template.program_argv() is not None:
            return parse_reservations(self.maui(self.program(template, "-n")))
        if not hostname:
            return ()
        done = self.run(self.values(template, hostname), MAUI_TIMEOUT)
        return parse_reservations("" if done.status == 1 and not done.text else check_maui(done, str(template)))  # grep found nothing

    def maui_state(self, hostname: str) -> str:
        """Return the state in which Maui sees a node, "" when it does not know it (yet)."""
        try:
            return parse_node_state(self.maui(self.values(self.settings.check_node_command, hostname)))
        except BatchRefused:
            return ""

    def blocked_jobs(self) -> tuple[str, ...]:
        """Return the numbers of the jobs that Maui has put off."""
        return parse_blocked(self.maui(self.sibling(self.settings.diagnose_p_command, "showq")))

    def maui_settings(self) -> dict[str, str]:
        """Return Maui's settings."""
        return parse_settings(self.maui(self.sibling(self.settings.diagnose_p_command, "showconfig")))

    def maui(self, argv: tuple[str, ...]) -> str:
        """Run a command of Maui's and return what it prints. Raises BatchUnreachable, BatchRefused."""
        return check_maui(self.run(argv, MAUI_TIMEOUT), _name(argv))

    # -- changing

    def change(self, template: Template, *values: object, harmless=None) -> str:  # type: ignore[no-untyped-def]
        """Run a configured change. Raises BatchRefused with Torque's words."""
        argv = self.values(template, *values)
        return check_change(self.run(argv, CHANGE_TIMEOUT), _name(argv), harmless)

    def attempt(self, template: Template, *values: object) -> Completed:
        """Run a configured change and return what came of it, for the caller to judge."""
        return self.run(self.values(template, *values), CHANGE_TIMEOUT)

    def release_holds(self, numbers: Iterable[str]) -> None:
        """Have Maui consider jobs again that it put off. The argument is a pattern to it, so that many go in one call."""
        pattern = "|".join(_BRACKET.sub(r"[\g<0>]", number) for number in numbers)
        self.maui(self.sibling(self.settings.diagnose_p_command, "releasehold", "-a", pattern))

    # -- running

    def values(self, template: Template, *values: object) -> tuple[str, ...]:
        """Return a template's command with these values. Raises BatchRefused for a value that cannot stand in a command."""
        try:
            return template.argv(*values)
        except UnsafeValue as error:
            raise BatchRefused(str(error)) from error

    def is_plain(self, template: Template) -> bool:
        """Tell whether a template is the built-in command, through ssh or sudo perhaps, so that it may be called with better arguments."""
        if template.is_builtin:
            return True
        words, usual = template.text.split(), template.spec.default_text.split()
        at = next((n for n, word in enumerate(words) if PurePosixPath(word).name == PurePosixPath(usual[0]).name), None)
        return at is not None and not template.needs_shell and words[at + 1 :] == usual[1:]

    def program(self, template: Template, *arguments: str) -> tuple[str, ...]:
        """Return how to call a template's program with other arguments (same directory, same ssh)."""
        argv = template.program_argv(*arguments)
        if argv is None:  # a script of the site's: the program is looked for where it usually is
            return (template.spec.default_text.split()[0], *arguments)
        return argv

    def sibling(self, template: Template, name: str, *arguments: str) -> tuple[str, ...]:
        """Return how to call a program that lies beside a template's own."""
        *before, program = self.program(template)
        path = PurePosixPath(program)
        return self._through(before, str(path.with_name(name)) if path.name != program else name, arguments)

    def beside(self, template: Template, *command: str) -> tuple[str, ...]:
        """Return how to run a plain command where a template's program runs (through the same ssh)."""
        *before, _ = self.program(template)
        return self._through(before, command[0], command[1:])

    def run(self, argv: tuple[str, ...], timeout: float, take: Take | None = None) -> Completed:
        """Run a command; its output goes to `take`, if given. Raises BatchUnreachable when it cannot be run or does not end in time."""
        try:
            return pour(self._run, argv, take, timeout) if take else self._run(argv, timeout=timeout)
        except OSError as error:
            raise BatchUnreachable(f"{argv[0]} cannot be run: {error.strerror}; see the commands in cluster: config:") from error

    @staticmethod
    def _through(before: list[str], program: str, arguments: Iterable[str]) -> tuple[str, ...]:
        remote = any(PurePosixPath(word).name == "ssh" for word in before)
        return (*before, program, *(shlex.quote(text) if remote else text for text in arguments))


def same_host(one: str, other: str) -> bool:
    """Tell whether two names mean one host: equal, or one is the short form of the other."""
    one, other = one.lower(), other.lower()
    if "." in one and "." in other:
        return one == other
    return one.partition(".")[0] == other.partition(".")[0]


def _name(argv: tuple[str, ...]) -> str:
    return " ".join(argv)[:200]
