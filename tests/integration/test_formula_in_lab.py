"""The formula on real parts: a head with Grid Engine and worker nodes, each configured twice by its states."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("salt")
from lab.api import Lab  # noqa: E402
from lab.layout import ADDRESS, CHECKOUT  # noqa: E402

pytestmark = [pytest.mark.integration, pytest.mark.root]
CONFIG = "/etc/salt-formula"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(name=f"formula-{os.getpid()}") as running:
        yield running


class Salted:
    """The head or a node of the lab, with a masterless minion that applies the formula."""

    def __init__(self, lab: Lab, node: str = "") -> None:
        self.argv = lab.node_argv(node) if node else lab.head_argv()
        self.run = (lambda *a, **k: lab.node(node, *a, **k)) if node else lab.head
        minion = {"id": node or "head", "file_client": "local", "file_roots": {"base": [f"{CONFIG}/states"]},
                  "root_dir": f"{CONFIG}/root", "autoload_dynamic_modules": False}
        self.run(f"mkdir -p {CONFIG}/root {CONFIG}/states; ln -sfn {CHECKOUT}/dynamiccluster {CONFIG}/states/dynamiccluster")
        self.run(f"cat > {CONFIG}/minion <<'END'\n{json.dumps(minion)}\nEND")

    def apply(self, sls: str, pillar: dict[str, Any], test: bool = False) -> dict[str, dict[str, Any]]:
        """Apply states; return each one's result by its id."""
        program = Path(sys.prefix, "bin", "salt-call")
        words = [str(program), "--local", "-c", CONFIG, "--out=json", "--retcode-passthrough", "state.apply", sls,
                 f"pillar={json.dumps(pillar)}", *(["test=True"] if test else [])]
        done = self.run(words, timeout=180, check=False)
        answer = json.loads(done.stdout)["local"]
        assert isinstance(answer, dict), answer
        return {key.split("_|-")[1]: value for key, value in answer.items()}


def failures(answer: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: state["comment"] for name, state in answer.items() if state["result"] is False}


def changes(answer: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {name: state["changes"] for name, state in answer.items() if state["changes"]}


def worker_pillar(**gridengine: Any) -> dict[str, Any]:
    return {"dynamiccluster_worker": {"head": {"name": "head", "address": ADDRESS}, "gridengine": gridengine}}


def register(lab: Lab, node: str) -> None:
    lab.head(f"qconf -aattr hostgroup hostlist {node} @allhosts; qconf -rattr queue slots 2 all.q@{node}; qmod -d '*@{node}'")


def serves(lab: Lab, node: str) -> bool:
    rows = [line for line in lab.head(f"qstat -f -q all.q@{node}").stdout.splitlines() if line.startswith("all.q")]
    return bool(rows) and "u" not in rows[0].split()[-1]


@pytest.mark.parametrize("cell", [{}, {"cell": "own", "cell_shared": False}], ids=["shared cell", "own cell"])
def test_worker_states_bring_up_a_node_and_are_idempotent(lab: Lab, cell: dict[str, Any]) -> None:
    node = "own1" if cell else "shared1"
    bootstrap = lab.head("cat /var/lib/gridengine/default/common/bootstrap").stdout
    lab.start_node(node)
    register(lab, node)
    salted = Salted(lab, node)
    lab.node(node, "mkdir -p /etc/salt/minion.d")
    lab.node(node, f"printf 'master: salt\\ngrains: {{dynamiccluster_token: s3cret, rack: 4}}\\nid: {node}\\n' > /etc/salt/minion.d/{node}.conf")
    lab.node(node, f"echo '127.0.1.1 {node}' >> /etc/hosts")

    dry = salted.apply("dynamiccluster.worker", worker_pillar(**cell), test=True)
    assert not failures(dry)
    assert lab.node(node, "pgrep -x sge_execd", check=False).returncode == 1

    assert not failures(salted.apply("dynamiccluster.worker", worker_pillar(**cell)))
    lab.wait_for(lambda: serves(lab, node), within=30, what="the execution daemon's first report")
    assert lab.node(node, f"cat /etc/salt/minion.d/{node}.conf").stdout == f"master: salt\ngrains: {{ rack: 4}}\nid: {node}\n"
    assert "127.0.1.1" not in lab.node(node, ["getent", "hosts", node]).stdout
    assert lab.head("cat /var/lib/gridengine/default/common/bootstrap").stdout == bootstrap, "the head's own file stays"
    if cell:
        assert lab.node(node, "cat /var/lib/gridengine/own/common/act_qmaster").stdout.strip() == "head"

    again = salted.apply("dynamiccluster.worker", worker_pillar(**cell))
    assert not failures(again) and not changes(again)
    assert len(lab.node(node, "pgrep -x sge_execd").stdout.split()) == 1


def test_worker_states_fail_clearly_on_an_unregistered_host(lab: Lab) -> None:
    lab.start_node("stranger")
    answer = Salted(lab, "stranger").apply("dynamiccluster.worker", worker_pillar(start_timeout=3))
    assert set(failures(answer)) == {"dynamiccluster_execd"}
    assert "did not register with head" in answer["dynamiccluster_execd"]["changes"]["stderr"]


def test_worker_states_fail_when_the_shared_cell_is_not_mounted(lab: Lab) -> None:
    lab.start_node("unmounted")
    answer = Salted(lab, "unmounted").apply("dynamiccluster.worker", worker_pillar(cell_shared=True, cell="elsewhere"))
    assert "dynamiccluster_execd_cell" in failures(answer)
    assert lab.node("unmounted", "pgrep -x sge_execd", check=False).returncode == 1


HEAD = {
    "dynamiccluster_head": {
        "engine_user": "nobody",
        "placeholder": {"host_groups": ["@gpu"]},
        "scheduler": {"schedule_interval": "00:00:03", "flush_submit_sec": 1},
        "configuration": {"max_unheard": "00:00:25"},
        "names": {"method": "hosts"},
    }
}


def test_head_states_prepare_grid_engine_and_are_idempotent(lab: Lab) -> None:
    head = Salted(lab)
    before = lab.head("qconf -ssconf; qconf -sm").stdout
    dry = head.apply("dynamiccluster.head", HEAD, test=True)
    assert not failures(dry)
    assert lab.head("qconf -ssconf; qconf -sm").stdout == before

    assert not failures(head.apply("dynamiccluster.head", HEAD))
    assert "nobody" in lab.head("qconf -sm").stdout.split()
    assert "@dynamiccluster_held" in lab.head("qconf -shgrpl").stdout.split()
    assert "00:00:03" in lab.head("qconf -ssconf").stdout
    assert "00:00:25" in lab.head("qconf -sconf").stdout
    queued = lab.head("printf 'true\\n' | qsub -terse -q all.q@@gpu -o /dev/null -j y", user="alice").stdout
    assert queued.strip().isdigit(), "a job for an empty host group is accepted"

    again = head.apply("dynamiccluster.head", HEAD)
    assert not failures(again) and not changes(again)


def test_head_states_say_so_when_grid_engine_refuses(lab: Lab) -> None:
    pillar = {"dynamiccluster_head": {"scheduler": {"no_such_setting": "1"}}}
    answer = Salted(lab).apply("dynamiccluster.head.scheduler", pillar)
    assert "no setting called no_such_setting" in failures(answer)["dynamiccluster_head_scheduler"]


def test_names_on_the_head_follow_the_nodes(lab: Lab) -> None:
    head = Salted(lab)
    assert not failures(head.apply("dynamiccluster.head.names", {"dynamiccluster_head": {"names": {"method": "hosts"}}}))
    inode = lab.head("stat -c %i /etc/hosts").stdout
    calls = " ".join(f"dynamiccluster-names add dc{n} 10.78.20.{n} & " for n in range(1, 21))
    lab.head(f"{calls} wait")
    assert lab.head("getent hosts dc7").stdout.split() == ["10.78.20.7", "dc7"]
    assert lab.head("grep -c '# dynamiccluster' /etc/hosts").stdout.strip() == "20"
    lab.head("for n in $(seq 20); do dynamiccluster-names remove dc$n; done")
    assert lab.head("getent hosts dc7", check=False).returncode == 2
    assert lab.head("stat -c %i /etc/hosts").stdout == inode
