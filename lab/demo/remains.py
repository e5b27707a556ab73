"""What is left when the work is done: everything beyond the minimum is a fault."""

from __future__ import annotations

import json

from lab.api import Lab
from lab.layout import PLACEHOLDER


def leftovers(lab: Lab, minimum: int) -> list[str]:
    """Return a sentence for each kind of thing of which there is not exactly the minimum, and for names that do not agree."""
    machines = set(lab.nodes())
    seen = {
        "instances of the cloud": lab.cloud_names(),
        "hosts of the batch system": _hosts(lab),
        "accepted keys": _accepted_keys(lab),
    }
    faults = [f"{what}: {_words(names)}, where the machines are {_words(machines)}" for what, names in seen.items() if names != machines]
    if len(machines) != minimum:
        faults.append(f"{len(machines)} nodes ({_words(machines)}), where the minimum is {minimum}")
    ports = lab.head("ip -o link show type veth").stdout.count("\n")
    if ports != len(machines):
        faults.append(f"{ports} network ports for {len(machines)} nodes")
    return faults


def _hosts(lab: Lab) -> set[str]:
    command = "pbsnodes -l -n all | awk '{print $1}'" if lab.cluster == "torque" else "qconf -sel"
    return {name for name in lab.head(command).stdout.split() if not name.startswith(PLACEHOLDER)}


def _accepted_keys(lab: Lab) -> set[str]:
    keys = json.loads(lab.head("cd /etc/salt/pki/master && python3 -c '"
                               "import json, os; print(json.dumps({d: os.listdir(d) for d in (\"minions\", \"minions_pre\") if os.path.isdir(d)}))'").stdout)
    return {key for names in keys.values() for key in names}


def _words(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
