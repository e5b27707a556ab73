"""Words of `./run lab`: what becomes of them before anything is started."""

from __future__ import annotations

import pytest

from lab import __main__ as commands


class Started:
    """In place of a lab: what it was made with."""

    last: dict[str, object] = {}
    running, cluster, state = False, "gridengine", "its state"

    def __init__(self, name: str, **options: object):
        Started.last = {"name": name, **options}

    def up(self) -> None:
        Started.last["up"] = True


@pytest.fixture(autouse=True)
def labs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "Lab", Started)
    monkeypatch.setattr(commands, "describe", lambda lab: None)
    monkeypatch.setattr(commands.admin, "leave_token", lambda state: Started.last.update(token=state))


@pytest.mark.parametrize(
    ("words", "cluster", "provider"),
    [
        (["up"], "gridengine", "aws"),
        (["up", "--cluster", "torque"], "torque", "aws"),
        (["--name", "b", "up", "--cloud", "openstack", "--cluster", "gridengine"], "gridengine", "openstack"),
    ],
)
def test_up_takes_the_cluster_and_the_cloud(words, cluster, provider):
    assert commands.main(words) == 0
    assert (Started.last["cluster"], Started.last["provider"], Started.last["up"]) == (cluster, provider, True)
    assert Started.last["token"] == "its state"
    assert Started.last["name"] == ("b" if "b" in words else "lab")


@pytest.mark.parametrize("words", [["up", "--cluster", "slurm"], ["up", "now"], ["up", "--cloud"], ["down", "--name", "b"], ["announce", "n1", "interruption", "soon"], ["announce", "n1", "rain"]])
def test_words_that_are_none_of_its_are_refused_and_say_what_is(words, capsys):
    Started.last = {}
    assert commands.main(words) == 1
    assert Started.last == {} and "./run lab" in capsys.readouterr().err
