"""What the commands of a Grid Engine cell with thousands of nodes and a long queue print, byte for byte in the format of 8.1.9. Seeded."""

from __future__ import annotations

import random
import re
from pathlib import Path

SEED = 8
NODES, QUEUED = 5000, 100_000
CAPTURES = Path(__file__).parents[1] / "tests" / "captures" / "gridengine-8.1.9"
_QSTAT_HEAD = b"""<?xml version='1.0'?>
<job_info  xmlns:xsd="http://arc.liv.ac.uk/repos/darcs/sge/source/dist/util/resources/schemas/qstat/qstat.xsd">
  <queue_info>
"""
_RECORD = """\
    <job_list state="{where}">
      <JB_job_number>{number}</JB_job_number>
      <JAT_prio>{priority:.5f}</JAT_prio>
      <JB_name>{short}</JB_name>
      <JB_owner>{owner}</JB_owner>
      <state>{state}</state>
      <{when}>{time}</{when}>
      <queue_name>{queue}</queue_name>
      <slots>{slots}</slots>
      <full_job_name>{name}</full_job_name>
{asked}      <binding>NONE</binding>
    </job_list>
"""
_HARD = '      <hard_request name="{}" resource_contribution="0.000000">{}</hard_request>\n'
_PE = '      <requested_pe name="smp">{0}</requested_pe>\n'
_WORDS = ("align", "blast", "cfd", "dock", "fold", "md", "qchem", "render", "sweep", "train")
SLOTS = 16


def host_names(count: int = NODES) -> list[str]:
    return [f"dc-{number:06x}" for number in range(0xA00000, 0xA00000 + count)]


def shapes(chance: random.Random, count: int = 300) -> list[tuple[int, str]]:
    """Return so many different (slots, lines of the request)."""
    found: dict[tuple[int, str], None] = {}
    while len(found) < count:
        slots = chance.choice((1, 1, 1, 2, 4, 8, 16))
        hours, memory = chance.randrange(1, 49), chance.choice((0, 0, 2, 4))
        limit = _HARD.format("h_vmem", f"{memory}G") if memory else ""
        lines = (_PE.format(slots) if slots > 1 else "") + _HARD.format("h_rt", hours * 3600) + limit
        found[slots, lines] = None
    return list(found)


def write_qstat(path: Path) -> None:
    """Write `qstat -xml -r -u '*'`: a running job on nearly every node, and the queue, highest priority first."""
    chance = random.Random(SEED)
    kinds = shapes(chance)
    running = [
        _record(number, "r", chance, kinds[0][1], 16 if number % 10 else 8, f"all.q@{host}")
        for number, host in enumerate(host_names(), 1)
        if number % 20
    ]
    priorities = sorted((chance.random() * 0.5 + 0.5 for _ in range(QUEUED)), reverse=True)
    pending = [
        _record(NODES + number, "qw", chance, lines, slots, "", priority)
        for number, (priority, (slots, lines)) in enumerate(zip(priorities, chance.choices(kinds, k=QUEUED), strict=True), 1)
    ]
    middle, end = "  </queue_info>\n  <job_info>\n", "  </job_info>\n</job_info>\n"
    path.write_bytes(_QSTAT_HEAD + "".join([*running, middle, *pending, end]).encode())


def _record(number: int, state: str, chance: random.Random, asked: str, slots: int, queue: str, priority: float = 0.55) -> str:
    name = f"{chance.choice(_WORDS)}_{chance.randrange(100_000)}"
    day, rest = divmod(number * 5 * 86400 // (NODES + QUEUED + 1), 86400)  # five days of submissions
    return _RECORD.format(
        where="pending" if state == "qw" else "running",
        number=number,
        priority=priority,
        short=name[:10],
        owner=f"user{chance.randrange(200):03d}",
        state=state,
        when="JB_submission_time" if state == "qw" else "JAT_start_time",
        time=f"2026-11-{17 + day:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}",
        queue=queue,
        slots=slots,
        name=name,
        asked=asked if state == "qw" else "",
    )


def write_qhost(path: Path) -> None:
    """Write `qhost -F -q -j -xml`: as the captured host n1 is, with other names, loads, memory, queues and jobs."""
    chance = random.Random(SEED)
    captured = (CAPTURES / "qhost-F-xml.out").read_text()
    head, _, rest = captured.partition(" <host name='n1'>\n")
    template = rest.partition(" </host>\n")[0]
    parts = [head]
    for number, name in enumerate(host_names(), 1):
        jobs = _job_on(number) if number % 20 else ""
        used = (16 if number % 10 else 8) if jobs else 0
        parts.append(f" <host name='{name}'>\n{_vary(template, chance)}{_queue(used)}{jobs} </host>\n")
    path.write_text("".join([*parts, "</qhost>\n"]))


_LOAD = re.compile(r"((?:load|cpu|mem_free|virtual_free|mem_used|virtual_used)[a-z_]*'[^>]*>)(\d+)(\.\d+)")


def _vary(text: str, chance: random.Random) -> str:
    """Return a host's values with other loads, and with the processors and the memory of a bigger machine."""
    text = text.replace("'num_proc'>2<", f"'num_proc'>{SLOTS}<").replace(">2.000000<", f">{SLOTS}.000000<")
    text = text.replace(">23.5G<", ">62.8G<").replace(">23.541G<", ">62.812G<")
    return _LOAD.sub(lambda found: f"{found[1]}{chance.randrange(1, 60)}.{chance.randrange(10**6):06d}"[: len(found[0]) + 1], text)


def _queue(used: int) -> str:
    values = {"qtype_string": "BIP", "slots_used": used, "slots": SLOTS, "slots_resv": 0, "state_string": ""}
    lines = "".join(f"   <queuevalue qname='all.q' name='{name}'>{value}</queuevalue>\n" for name, value in values.items())
    return f" <queue name='all.q'>\n{lines} </queue>\n"


def _job_on(number: int) -> str:
    values = {
        "priority": "'0.550000'",
        "qinstance_name": "all.q",
        "job_name": "running",
        "job_owner": "user001",
        "job_state": "r",
        "start_time": 1795330000 + number,
        "pe_master": "MASTER",
    }
    lines = "".join(f"   <jobvalue jobid='{number}' name='{name}'>{value}</jobvalue>\n" for name, value in values.items())
    return f" <job name='{number}'>\n{lines} </job>\n"


# -- the next cycle ---------------------------------------------------------------------------------------------------

_JOB = re.compile(rb"    <job_list state=\"pending\">.*?</job_list>\n", re.DOTALL)
_PRIORITY = re.compile(rb"(<JAT_prio>)[0-9.]+")


def change_some(document: bytes, share: float) -> bytes:
    """Return the listing with that share of the pending jobs put on hold or given another priority."""
    chance = random.Random(SEED + 1)

    def change(found: re.Match[bytes]) -> bytes:
        if chance.random() >= share:
            return found[0]
        if chance.random() < 0.5:
            return found[0].replace(b"<state>qw<", b"<state>hqw<")
        return _PRIORITY.sub(rb"\g<1>0.%05d" % chance.randrange(50_000, 100_000), found[0])

    return _JOB.sub(change, document)


def replace_some_and_all_priorities(document: bytes, share: float) -> bytes:
    """Return the listing with that share of the pending jobs replaced by new ones, and another priority for every job."""
    chance = random.Random(SEED + 2)
    numbers = iter(range(10_000_000, 99_000_000))

    def change(found: re.Match[bytes]) -> bytes:
        if chance.random() >= share:
            return found[0]
        return re.sub(rb"(<JB_job_number>)\d+", rb"\g<1>%d" % next(numbers), found[0])

    priorities = iter(range(99_999_000, 0, -7))
    aged = _PRIORITY.sub(lambda found: found[1] + b"0.%05d" % (next(priorities) // 1000 % 100_000), document)
    return _JOB.sub(change, aged)


def change_loads(document: bytes) -> bytes:
    """Return the hosts with other loads and amounts of free memory."""
    chance = random.Random(SEED + 3)
    return _LOAD.sub(lambda found: f"{found[1]}{int(found[2])}{f'.{chance.randrange(10**6):06d}'[: len(found[3])]}", document.decode()).encode()
