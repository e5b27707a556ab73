"""What the commands of a Grid Engine cell with thousands of nodes and a long queue print, byte for byte in the format of 8.1.9. Seeded."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import datetime, timedelta
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
MEMORY = "62.8G"  # of a node; a job with all of its slots may ask for the most of _A_SLOT for each
DEFAULT = "2G"  # memory of a slot for which none is asked: a site where h_vmem is counted gives it a default, or such jobs would die
_A_SLOT = {"": 2.0, "3G": 3.0, "3900M": 3900 / 1024}  # GiB by what a job asks for


def host_names() -> list[str]:
    return [f"dc-{number:06x}" for number in range(0xA00000, 0xA00000 + NODES)]


_HOST = re.compile(rb"<host name='([^']+)'>")


def read_host_names(listing: Path) -> list[str]:
    """Return the hosts that a `qhost -xml` shows."""
    return [name for name in map(bytes.decode, _HOST.findall(listing.read_bytes())) if name != "global"]


def shapes(chance: random.Random, count: int = 300) -> list[tuple[int, str]]:
    """Return so many different (slots, lines of the request); a node of SLOTS and MEMORY can hold each of them."""
    found: dict[tuple[int, str], None] = {}
    while len(found) < count:
        slots = chance.choice((1, 1, 1, 2, 4, 8, 16))
        found[slots, _request(slots, chance.randrange(1, 49), chance.choice(("", "", "3G", "3900M")))] = None
    return list(found)


def _request(slots: int, hours: int, memory: str) -> str:
    limit = _HARD.format("h_vmem", memory) if memory else ""
    return (_PE.format(slots) if slots > 1 else "") + _HARD.format("h_rt", hours * 3600) + limit


def _running() -> dict[int, tuple[int, str]]:
    """Return the slots of each node's job and the memory that it asks for, by its number, which is the node's: one in twenty has none, as many have room."""
    chance = random.Random(SEED + 4)
    return {number: (16 if number % 10 else 8, chance.choice(tuple(_A_SLOT))) for number in range(1, NODES + 1) if number % 20}


def write_qstat(path: Path) -> None:
    """Write `qstat -xml -r -u '*'`: a running job on nearly every node, and the queue, highest priority first."""
    chance = random.Random(SEED)
    kinds = shapes(chance)
    hosts = host_names()
    running = [
        _record(number, "r", chance, _request(slots, 24, memory), slots, f"all.q@{hosts[number - 1]}")
        for number, (slots, memory) in _running().items()
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
        asked=asked,
    )


def write_qhost(path: Path) -> None:
    """Write `qhost -F -q -j -xml`: as the captured host n1 is, with other names, loads, memory, queues and jobs."""
    chance = random.Random(SEED)
    captured = (CAPTURES / "qhost-F-xml.out").read_text()
    head, _, rest = captured.partition(" <host name='n1'>\n")
    template = rest.partition(" </host>\n")[0]
    parts, running = [head], _running()
    for number, name in enumerate(host_names(), 1):
        used, memory = running.get(number, (0, ""))
        jobs = _job_on(number) if used else ""
        parts.append(f" <host name='{name}'>\n{_vary(template, chance)}{_left(used, memory)}{_queue(used)}{jobs} </host>\n")
    path.write_text("".join([*parts, "</qhost>\n"]))


_LOAD = re.compile(r"((?:load|cpu|mem_free|virtual_free|mem_used|virtual_used)[a-z_]*'[^>]*>)(\d+)(\.\d+)")


def _vary(text: str, chance: random.Random) -> str:
    """Return a host's values with other loads, and with the processors and the memory of a bigger machine."""
    text = text.replace("'num_proc'>2<", f"'num_proc'>{SLOTS}<").replace(">2.000000<", f">{SLOTS}.000000<")
    text = text.replace(">23.5G<", f">{MEMORY}<").replace(">23.541G<", ">62.812G<")
    return _LOAD.sub(lambda found: f"{found[1]}{chance.randrange(1, 60)}.{chance.randrange(10**6):06d}"[: len(found[0]) + 1], text)


def _left(used: int, memory: str) -> str:
    """Return what is left of a host's memory, as it is counted."""
    left = float(MEMORY[:-1]) - used * _A_SLOT[memory]
    return f"   <resourcevalue name='h_vmem' dominance='hc'>{left:.3f}G</resourcevalue>\n"


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


# -- the configuration ------------------------------------------------------------------------------------------------


def complexes() -> str:
    """Return `qconf -sc` of a cell that counts memory: as captured, with a default for it."""
    captured = (CAPTURES / "conf-sc.out").read_text()
    return re.sub(r"(?m)^(h_vmem .*YES +YES +)0 ", rf"\g<1>{DEFAULT}", captured)


def host_configuration(name: str) -> str:
    """Return `qconf -se` of a node."""
    return f"hostname              {name}\ncomplex_values        exclusive=true,h_vmem={MEMORY}\nprocessors            {SLOTS}\n"


# -- the next cycle ---------------------------------------------------------------------------------------------------

_JOB = re.compile(rb"(    <job_list state=\"(?:pending|running)\">.*?</job_list>\n)", re.DOTALL)
_PENDING = b'    <job_list state="pending">'
_PRIORITY = re.compile(rb"(<JAT_prio>)([0-9.]+)")
_OWNER = re.compile(rb"(<JB_owner>)([^<]*)")
_SUBMITTED = re.compile(rb"(<JB_submission_time>)([^<]*)")
_Change = Callable[[bytes], bytes]


def change_some(document: bytes, share: float) -> bytes:
    """Return the listing with that share of the pending jobs put on hold or given another priority, each where it then stands."""
    chance = random.Random(SEED + 1)

    def change(record: bytes) -> bytes:
        if not record.startswith(_PENDING) or chance.random() >= share:
            return record
        if chance.random() < 0.5:  # Grid Engine takes the priority of a job on hold away
            return _PRIORITY.sub(rb"\g<1>0.00000", record.replace(b"<state>qw<", b"<state>hqw<"))
        return _PRIORITY.sub(rb"\g<1>0.%05d" % chance.randrange(50_000, 100_000), record)

    return _list_anew(document, change)


def replace_some_and_all_priorities(document: bytes, share: float) -> bytes:
    """Return the listing with that share of the pending jobs replaced by new ones, and another priority for every job that has one.

    Priorities age as Grid Engine ages them: waiting raises all of them alike, and the tickets of an owner's jobs, which follow what the owner
    has used lately, raise his more or less than others'. So a job moves past some hundred others at most, and there remain as many different
    priorities as there were. A new job has a number, a name, an owner, a time and a request of its own, and stands anywhere.
    """
    chance = random.Random(SEED + 2)
    pending = [record for record in _JOB.findall(document) if record.startswith(_PENDING)]
    owners = sorted({found[2] for found in _OWNER.finditer(document)})
    gains = {owner: AGE + chance.randrange(-TICKETS, TICKETS + 1) for owner in owners}
    submitted = _after(max((found[2] for found in _SUBMITTED.finditer(document)), default=b""))
    numbers = iter(range(10_000_000, 99_000_000))

    def change(record: bytes) -> bytes:
        if record.startswith(_PENDING) and chance.random() < share:
            return _make_new(chance.choice(pending), next(numbers), chance.choice(owners), submitted, chance)
        return _PRIORITY.sub(lambda found: found[1] + _aged(found[2], gains[_find(_OWNER, record)]), record)

    return _list_anew(document, change)


AGE, TICKETS = 100, 80  # hundred-thousandths: what every priority gains, and how much more or less its owner's tickets give


def _aged(priority: bytes, gain: int) -> bytes:
    """Return an older priority; one of zero (a job on hold) remains so."""
    return b"%.5f" % (float(priority) + gain / 100_000) if float(priority) else priority


def _after(latest: bytes) -> bytes:
    """Return a time of submission after the latest one, as `qstat` writes it."""
    try:
        return (datetime.fromisoformat(latest.decode()) + timedelta(seconds=7)).isoformat().encode()
    except ValueError:  # not as 8.1.9 writes it, or no job waits
        return latest


def _make_new(like: bytes, number: int, owner: bytes, submitted: bytes, chance: random.Random) -> bytes:
    """Return the record of a new job that asks for what another one asks for."""
    name = b"%s_%d" % (chance.choice(_WORDS).encode(), chance.randrange(100_000))
    values = {b"JB_job_number": b"%d" % number, b"JB_name": name[:10], b"full_job_name": name, b"JB_owner": owner, b"JB_submission_time": submitted}
    for tag, value in values.items():
        like = re.sub(rb"(<%s>)[^<]*" % tag, lambda found, value=value: found[1] + value, like)  # type: ignore[misc]
    return like


def _find(pattern: re.Pattern[bytes], record: bytes) -> bytes:
    found = pattern.search(record)
    return found[2] if found else b""


def _list_anew(document: bytes, change: _Change) -> bytes:
    """Return the listing of changed records. Pending ones are listed by their priorities, those with equal ones as they stood before."""
    parts: list[bytes] = []
    block: list[bytes] = []
    for number, part in enumerate(_JOB.split(document)):
        if number % 2:
            block.append(change(part))
        elif part:  # something stands between the records
            parts += [*_by_priority(block), part]
            block = []
    return b"".join([*parts, *_by_priority(block)])


def _by_priority(block: list[bytes]) -> list[bytes]:
    """Return a block of records in the order in which `qstat` lists them: pending ones by priority, running ones by number."""
    if not block or not block[0].startswith(_PENDING):
        return block
    return sorted(block, key=lambda record: -float(_find(_PRIORITY, record) or b"0"))


def change_loads(document: bytes) -> bytes:
    """Return the hosts with other loads and amounts of free memory."""
    chance = random.Random(SEED + 3)
    return _LOAD.sub(lambda found: f"{found[1]}{int(found[2])}{f'.{chance.randrange(10**6):06d}'[: len(found[3])]}", document.decode()).encode()
