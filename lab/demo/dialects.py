"""The same story for each batch system."""

from __future__ import annotations

import re

from lab.demo.burst import GRID_ENGINE, Dialect, Wish

_TORQUE_SCRIPT = """#!/bin/sh
job=${PBS_JOBID%%.*}
record=$HOME/demo/${job%%[*}.${PBS_ARRAYID:-undefined}
echo "start $(date +%s.%N) $(hostname) $(grep -c . "$PBS_NODEFILE")" >>"$record"
sleep "$SLEEP"
echo "end $(date +%s.%N)" >>"$record"
"""
_TORQUE_BURST = (
    *(Wish(f"serial-{number}", seconds=10) for number in range(1, 5)),
    Wish("smp", "-l nodes=1:ppn=2"),
    Wish("smp-large", "-l nodes=1:ppn=4"),
    Wish("ncpus", "-l ncpus=2"),
    # Torque 4.2 must be restarted for it, in a moment without running jobs: a demo of troubles does not wait for that
    Wish("two-nodes", "-l nodes=2:ppn=2", calm=True),
    Wish("array", "-t 1-6%3", seconds=5, tasks=6),
    Wish("after-serial-1", seconds=3, after="serial-1"),
    Wish("held", "-h", can_run=False),
    Wish("too-large", "-l nodes=1:ppn=64", can_run=False),
)

TORQUE = Dialect(
    "Torque and Maui (the stand-in)", _TORQUE_SCRIPT, "qsub -o /dev/null -e /dev/null -N {title} -v SLEEP={seconds} {options} demo/job.sh",
    re.compile(r"^(\d+)(?:\[\])?\.[a-z]", re.MULTILINE), "-W depend=afterok:{job}", "-r y", _TORQUE_BURST)

DIALECTS = {"gridengine": GRID_ENGINE, "torque": TORQUE}
