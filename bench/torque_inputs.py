"""What the commands of a Torque server with thousands of nodes and a long queue print, in the format of 4.2.10. Seeded."""

from __future__ import annotations

import random
from pathlib import Path

SEED = 9
NODES, QUEUED = 5000, 100_000
CAPTURES = Path(__file__).parents[1] / "tests" / "captures" / "torque-4.2.10-maui-3.3.1"
CORES = 16
_SERVER = "head.cluster.example"
_JOB = (
    "<Job><Job_Id>{number}.{server}</Job_Id><Job_Name>{name}</Job_Name><Job_Owner>{owner}@{server}</Job_Owner><job_state>Q</job_state>"
    "<queue>batch</queue><server>{server}</server><Checkpoint>u</Checkpoint><ctime>{time}</ctime>"
    "<Error_Path>{server}:/home/{owner}/{name}.e{number}</Error_Path><Hold_Types>n</Hold_Types><Join_Path>n</Join_Path>"
    "<Keep_Files>n</Keep_Files><Mail_Points>a</Mail_Points><mtime>{time}</mtime><Output_Path>{server}:/home/{owner}/{name}.o{number}</Output_Path>"
    "<Priority>0</Priority><qtime>{time}</qtime><Rerunable>True</Rerunable><Resource_List>{asked}</Resource_List><substate>10</substate>"
    "<Variable_List>PBS_O_QUEUE=batch,PBS_O_HOME=/home/{owner},PBS_O_LOGNAME={owner},PBS_O_PATH=/usr/local/bin:/usr/bin:/bin,"
    "PBS_O_SHELL=/bin/bash,PBS_O_LANG=C.UTF-8,PBS_O_WORKDIR=/home/{owner},PBS_O_HOST={server},PBS_O_SERVER={server}</Variable_List>"
    "<euser>{owner}</euser><egroup>{owner}</egroup><queue_rank>{number}</queue_rank><queue_type>E</queue_type><etime>{time}</etime>"
    "<submit_args>-N {name} job.sh</submit_args><fault_tolerant>False</fault_tolerant><job_radix>0</job_radix>"
    "<submit_host>{server}</submit_host></Job>"
)
_NODE = (
    "<Node><name>{name}</name><state>free</state><np>16</np><ntype>cluster</ntype><status>rectime=1795330511,varattr=,jobs=,state=free,"
    "netload={load},gres=,loadave={load}.30,ncpus=16,physmem=64684084kb,availmem=61612948kb,totmem=64684084kb,idletime=216671,nusers=2,nsessions=4,"
    "sessions=13823 13829 13830 13832,uname=Linux {name} 6.1.0-28-amd64 #1 SMP PREEMPT_DYNAMIC x86_64,opsys=linux</status>"
    "<mom_service_port>15002</mom_service_port><mom_manager_port>15003</mom_manager_port></Node>"
)


def host_names(count: int = NODES) -> list[str]:
    return [f"dc-{number:06x}" for number in range(0xA00000, 0xA00000 + count)]


def write_qstat(path: Path) -> None:
    """Write `qstat -x -t`: the queue, each job a record."""
    chance = random.Random(SEED)
    kinds = [_asked(chance) for _ in range(300)]
    with path.open("w") as file:
        file.write("<Data>")
        for number in range(1, QUEUED + 1):
            owner, name = f"user{chance.randrange(200):03d}", f"job_{chance.randrange(100_000)}"
            file.write(_JOB.format(number=number, name=name, owner=owner, server=_SERVER, time=1795000000 + 3 * number, asked=chance.choice(kinds)))
        file.write("</Data>\n")


def _asked(chance: random.Random) -> str:
    nodes = f"{chance.choice((1, 1, 1, 2, 4))}:ppn={chance.choice((1, 2, 4, 8, 16))}"
    memory = f"<mem>{chance.randrange(1, 33)}gb</mem>" if chance.random() < 0.5 else ""
    count = nodes.partition(":")[0]
    limit = f"{chance.randrange(1, 49):02d}:00:00"
    return f"{memory}<neednodes>{nodes}</neednodes><nodect>{count}</nodect><nodes>{nodes}</nodes><walltime>{limit}</walltime>"


def write_pbsnodes(path: Path) -> None:
    """Write `pbsnodes -x`."""
    chance = random.Random(SEED)
    path.write_text("<Data>" + "".join(_NODE.format(name=name, load=chance.randrange(1, 16)) for name in host_names()) + "</Data>\n")


def write_priorities(path: Path) -> None:
    """Write `diagnose -p`: Maui knows 4095 jobs at most."""
    head = (CAPTURES / "P03-diagnose-p-1000.out").read_text().split("\n114 ")[0]
    path.write_text(head + "\n" + "".join(f"{number:<22}{100_000 - number:>10}   100.0(  0.8)\n" for number in range(1, 4096)))
