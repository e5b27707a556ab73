"""Names of worker nodes on the head: only marked lines change, in place, whatever the order of the calls."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

STATIC = "127.0.0.1 localhost\n10.0.0.1 head head.example.org\n"


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text(STATIC)
    return path


def test_add_and_remove_leave_other_lines_and_the_inode_alone(names: ModuleType, hosts: Path) -> None:
    inode = hosts.stat().st_ino
    assert names.main(["hosts", str(hosts), "add", "DC1.example.org", "10.0.0.5"]) == 0
    assert hosts.read_text() == STATIC + "10.0.0.5 dc1.example.org dc1 # dynamiccluster\n"
    assert names.main(["hosts", str(hosts), "remove", "dc1.example.org"]) == 0
    assert hosts.read_text() == STATIC
    assert hosts.stat().st_ino == inode


def test_a_second_call_changes_nothing(names: ModuleType, hosts: Path) -> None:
    for _ in range(2):
        assert names.main(["hosts", str(hosts), "add", "dc1", "10.0.0.5"]) == 0
    assert hosts.read_text().count("dc1") == 1
    for _ in range(2):
        assert names.main(["hosts", str(hosts), "remove", "dc1"]) == 0


def test_an_address_has_one_owner(names: ModuleType, hosts: Path) -> None:
    names.main(["hosts", str(hosts), "add", "old", "10.0.0.5"])
    names.main(["hosts", str(hosts), "add", "new", "10.0.0.5"])
    assert "old" not in hosts.read_text()
    assert "10.0.0.5 new # dynamiccluster" in hosts.read_text()


def test_a_name_that_moves_has_one_address(names: ModuleType, hosts: Path) -> None:
    names.main(["hosts", str(hosts), "add", "dc1", "10.0.0.5"])
    names.main(["hosts", str(hosts), "add", "dc1", "10.0.0.6"])
    assert "10.0.0.5" not in hosts.read_text()


def test_a_missing_newline_at_the_end_is_no_trap(names: ModuleType, hosts: Path) -> None:
    hosts.write_text("127.0.0.1 localhost")
    assert names.main(["hosts", str(hosts), "add", "dc1", "10.0.0.5"]) == 0
    assert hosts.read_text().splitlines()[0] == "127.0.0.1 localhost"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "head", "10.0.0.9"], "already says"),
        (["add", "HEAD.example.org", "10.0.0.9"], "already says"),
        (["add", "dc1", "127.0.0.1"], "cannot be a worker node's address"),
        (["add", "dc1", "0.0.0.0"], "cannot be a worker node's address"),
        (["add", "dc1", "10.0.0"], "is no address"),
        (["add", "dc1 evil", "10.0.0.5"], "is no host name"),
        (["add", "dc1\n6.6.6.6 bank", "10.0.0.5"], "is no host name"),
        (["add", "../../etc/passwd", "10.0.0.5"], "is no host name"),
        (["add", "a" * 300, "10.0.0.5"], "is no host name"),
        (["add", "dc1"], "needs a name and an address"),
        (["remove"], "needs a name"),
    ],
)
def test_what_is_wrong_is_refused_and_changes_nothing(
    names: ModuleType, hosts: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert names.main(["hosts", str(hosts), *words]) == 1
    assert said in capsys.readouterr().err
    assert hosts.read_text() == STATIC


def test_a_missing_file_is_said(names: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert names.main(["hosts", str(tmp_path / "none"), "add", "dc1", "10.0.0.5"]) == 1
    assert "No such file" in capsys.readouterr().err


def test_too_few_words_show_the_usage(names: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert names.main(["hosts"]) == 2
    assert "names.py hosts FILE add NAME ADDRESS" in capsys.readouterr().err


def test_a_directory_holds_one_readable_file_for_each_node(names: ModuleType, tmp_path: Path) -> None:
    where = str(tmp_path)
    assert names.main(["directory", where, "add", "dc1", "10.0.0.5"]) == 0
    assert names.main(["directory", where, "add", "dc2", "10.0.0.6"]) == 0
    assert (tmp_path / "dc1").read_text() == "10.0.0.5 dc1\n"
    assert (tmp_path / "dc1").stat().st_mode & 0o777 == 0o644
    assert names.main(["directory", where, "add", "dc3", "10.0.0.5"]) == 0
    assert names.main(["directory", where, "remove", "dc2"]) == 0
    assert names.main(["directory", where, "remove", "dc2"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "dc3"}
