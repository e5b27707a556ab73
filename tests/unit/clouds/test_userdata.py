from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltext.dynamiccluster.clouds.userdata import AWS_LIMIT, OPENSTACK_LIMIT, VARIABLES, Limit, load, names_itself, prepare, prepare_shared, render
from saltext.dynamiccluster.errors import ConfigurationError

PATH = "dynamiccluster:cloud:compute:config:userdata_file"
TOKEN = "t0ken-that-nobody-may-see"
VALUES = {**{name: f"<{name}>" for name in VARIABLES}, "token": TOKEN}


def fault_of(call, *arguments, **named):
    with pytest.raises(ConfigurationError) as error:
        call(*arguments, **named)
    (fault,) = error.value.faults
    assert fault.path == PATH
    assert fault.hint
    assert TOKEN not in str(error.value)
    assert error.value.__context__ is None or error.value.__suppress_context__
    return fault


class TestRender:
    def test_every_variable_is_there(self):
        text = "\n".join(f"{name}={{{{ {name} }}}}" for name in VARIABLES) + "\n"
        rendered = render(text, VALUES, limit=AWS_LIMIT, path=PATH)
        assert rendered == "".join(f"{name}={VALUES[name]}\n" for name in VARIABLES)

    def test_text_is_left_as_it_is(self):
        text = '#cloud-config\nruncmd:\n  - [sh, -c, "echo <&> \'x\' é"]\n'
        assert render(text, VALUES, limit=AWS_LIMIT, path=PATH) == text

    def test_raw_keeps_what_belongs_to_cloud_init(self):
        text = "{% raw %}{{ ds.meta_data.instance_id }}{% endraw %}"
        assert render(text, VALUES, limit=AWS_LIMIT, path=PATH) == "{{ ds.meta_data.instance_id }}"

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("{{ tokn }}", "'tokn' is undefined"),
            ("a\nb {{ token", "line 2"),
            ("{% for x in %}", "line 1"),
            ("{{ token + 1 }}", "TypeError"),
            ("{{ 1 / 0 }}", "ZeroDivisionError"),
            ("{{ token.no_such(1) }}", "no_such"),
            ("{{ [][token] }}", "has no"),
            ("{{ ''.__class__.__mro__ }}", "unsafe"),
            ("{{ range(100000000)|list }}", "OverflowError"),
            ("{% include '/etc/passwd' %}", "TypeError"),
        ],
    )
    def test_a_bad_template_is_a_fault_of_the_file(self, text, problem):
        assert problem in fault_of(render, text, VALUES, limit=AWS_LIMIT, path=PATH).problem


class TestLimit:
    @pytest.mark.parametrize(
        ("limit", "fits"),
        [(AWS_LIMIT, 16384), (OPENSTACK_LIMIT, 49149), (Limit(8, encoded=True), 6)],
    )
    def test_the_last_octet_counts(self, limit, fits):
        assert len(render("x" * fits, VALUES, limit=limit, path=PATH)) == fits
        problem = fault_of(render, "x" * (fits + 1), VALUES, limit=limit, path=PATH).problem
        assert str(limit.octets) in problem

    def test_octets_are_counted_not_letters(self):
        fault_of(render, "é" * 5, VALUES, limit=Limit(9), path=PATH)


class TestFile:
    def test_s11_a_missing_file_is_a_fault_with_its_path(self, tmp_path):
        fault = fault_of(prepare, str(tmp_path / "none.yaml"), VALUES, limit=AWS_LIMIT, resource="compute")
        assert str(tmp_path / "none.yaml") in fault.problem

    def test_s11_an_unreadable_file_is_a_fault(self, tmp_path):
        fault = fault_of(load, str(tmp_path), PATH)
        assert str(tmp_path) in fault.problem

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_s11_a_forbidden_file_is_a_fault(self, tmp_path):
        (tmp_path / "x").touch(0o000)
        assert "Permission" in fault_of(load, str(tmp_path / "x"), PATH).problem

    def test_binary_is_a_fault(self, tmp_path):
        file = tmp_path / "x"
        file.write_bytes(b"\x1f\x8b\xff")
        assert "UTF-8" in fault_of(load, str(file), PATH).problem

    def test_what_would_never_end_or_never_begin_is_a_fault(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "large").write_bytes(b"x" * ((1 << 20) + 1))
        for file in ("/dev/zero", tmp_path / "pipe", tmp_path / "large"):
            assert "no file of at most" in fault_of(load, str(file), PATH).problem

    def test_no_file_is_no_user_data(self):
        assert prepare(None, VALUES, limit=AWS_LIMIT, resource="compute") == ""

    def test_a_file_is_rendered(self, tmp_path: Path):
        file = tmp_path / "user-data"
        file.write_text("id: {{ minion_id }}\n", encoding="utf-8")
        assert prepare(str(file), VALUES, limit=AWS_LIMIT, resource="compute") == "id: <minion_id>\n"


class TestShared:
    VALUES = {"master": "salt.example.org", "resource": "compute", "cluster": "one", "token": TOKEN, "instance_name_prefix": "wn-"}

    @pytest.fixture
    def write(self, tmp_path):
        def write_file(text: str) -> str:
            file = tmp_path / "user-data"
            file.write_text(text, encoding="utf-8")
            return str(file)

        return write_file

    @pytest.mark.parametrize(
        ("text", "itself"),
        [
            ("{{ instance_name_prefix }} {{ token }} {{ master }}", True),
            ("{{ instance_name_prefix }} {{ minion_id }}", False),
            ("{{ instance_name_prefix }} {{ instance_name }} {{ hostname }}", False),
            ("{{ token }}", False),
            ("{% raw %}{{ instance_name_prefix }}{% endraw %}", False),
            ("{{ instance_name_prefix", False),
        ],
    )
    def test_a_template_that_knows_no_name_but_its_beginning_lets_machines_name_themselves(self, write, text, itself):
        assert names_itself(write(text)) is itself

    def test_without_a_template_nothing_is_known(self, tmp_path):
        assert names_itself(None) is False and names_itself(str(tmp_path / "nobody")) is False

    def test_all_machines_get_the_same_text(self, write):
        text = prepare_shared(write("{{ instance_name_prefix }} {{ token }} {{ cluster }}"), self.VALUES, limit=AWS_LIMIT, resource="compute")
        assert text == f"wn- {TOKEN} one"

    def test_a_prefix_that_leaves_no_room_for_an_id_is_told(self, write):
        file, values = write("{{ instance_name_prefix }}"), {**self.VALUES, "instance_name_prefix": "p" * 47}
        fault_of(prepare_shared, file, values, limit=AWS_LIMIT, resource="compute")
        assert prepare_shared(file, {**values, "instance_name_prefix": "p" * 46}, limit=AWS_LIMIT, resource="compute") == "p" * 46

    def test_where_machines_do_not_name_themselves_the_beginning_is_unknown(self, write):
        fault = fault_of(prepare, write("{{ instance_name_prefix }}"), VALUES, limit=AWS_LIMIT, resource="compute")
        assert "instance_name_prefix" in fault.problem

    def test_no_fault_shows_the_token(self, write):
        fault_of(prepare_shared, write("{{ token.nothing.more }}"), self.VALUES, limit=AWS_LIMIT, resource="compute")
