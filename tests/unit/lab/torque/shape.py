"""The shape of a command's output: what stays when numbers, times and the order of rows are taken away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

# a machine under load says so in Maui's outputs, the stand-in's machines are never under load
_LOAD = re.compile(r"^(?:WARNING:.*excessive load.*|ALERT: .*(?:load is high|overcommitted).*)\n", re.MULTILINE)
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_TIME = re.compile(rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?:{_MONTHS}) [ \d]?\d \d\d:\d\d:\d\d(?: \d{{4}})?")
_FOLD = re.compile(r"\n\t(?=\S)|(?<=,)\n {17}(?=\S)")  # how long values are folded
_MACHINE = re.compile(r"(?<=sessions=)[\d ]+|(?<=uname=Linux )[^@]*|(?<=PBS_O_PATH=)[^,\n]*|(?<=X=)[^,\n]*")
_NUMBER = re.compile(r"(?<![A-Za-z])-?\d[\d:.]*")
# what is a person's, a machine's or a moment's
_VALUES = frozenset({"job_state", "queue", "Hold_Types", "state", "np", "properties", "ntype", "note", "name", "Job_Id", "Job_Name", "nodes", "neednodes", "nodect",
                     "procs", "ncpus", "mem", "pmem", "vmem", "pvmem", "feature", "host", "Account_Name", "Rerunable", "Priority", "job_array_id", "job_array_request",
                     "exit_status", "submit_args", "substate"})


def of_text(text: str) -> set[str]:
    """Return the different shapes of a text's lines."""
    whole = _MACHINE.sub("...", _FOLD.sub("", _LOAD.sub("", text)))
    return {_line(line) for line in whole.splitlines()}


def _line(line: str) -> str:
    return re.sub(r"\s+", " ", _NUMBER.sub("0", _TIME.sub("TIME", line))).strip()


def of_xml(text: str) -> set[str]:
    """Return each element's path with its value where that is no matter of time or place."""
    return set(_paths(ElementTree.fromstring(text), ""))


def _paths(element: ElementTree.Element, path: str) -> Iterator[str]:
    here = f"{path}/{element.tag}"
    key = element.findtext("Job_Id") or element.findtext("name")
    if key:
        here += f"[{key}]"
    yield here if element.tag not in _VALUES or len(element) or "/resources_used/" in here else f"{here}={element.text or ''}"
    for child in element:
        yield from _paths(child, here)


def difference(captured: str, said: str) -> list[str]:
    """Return what only one of the two has, the captured one's with a minus."""
    make = of_xml if captured.startswith("<") and said.startswith("<") else of_text
    one, other = make(captured), make(said)
    return [f"- {line}" for line in sorted(one - other)] + [f"+ {line}" for line in sorted(other - one)]
