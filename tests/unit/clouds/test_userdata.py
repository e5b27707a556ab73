from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltext.dynamiccluster.clouds.userdata import AWS_LIMIT, OPENSTACK_LIMIT, VARIABLES, Limit, knows_many, load, prepare, prepare_many, render
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


class TestMany:
    COMMON = {"master": "salt.example.org", "resource": "compute", "cluster": "one"}
    ROWS = tuple({"instance_name": f"wn-{n}", "minion_id": f"wn-{n}", "hostname": f"wn-{n}", "token": f"{TOKEN}{n}"} for n in range(3))

    @pytest.fixture
    def write(self, tmp_path):
        def write_file(text: str) -> str:
            file = tmp_path / "user-data"
            file.write_text(text, encoding="utf-8")
            return str(file)

        return write_file

    @pytest.mark.parametrize(
        ("text", "many"),
        [
            ("{% for m in machines %}{{ m.token }}{% endfor %} {{ master }}", True),
            ("{{ machines[0].token }} {{ token }}", False),
            ("{% for m in machines %}{{ m.instance_name }}{% endfor %}{{ hostname }}", False),
            ("{{ token }}", False),
            ("{% raw %}{{ machines }}{% endraw %}", False),
            ("{% for m in machines", False),
        ],
    )
    def test_a_template_serves_many_when_it_uses_only_the_list(self, write, text, many):
        assert knows_many(write(text)) is many

    def test_without_a_template_nothing_is_known(self, tmp_path):
        assert knows_many(None) is False and knows_many(str(tmp_path / "nobody")) is False

    def test_all_rows_are_there_in_order(self, write):
        file = write("{{ cluster }}{% for m in machines %};{{ m.instance_name }}={{ m.token }}{% endfor %}")
        text = prepare_many(file, self.COMMON, self.ROWS, limit=AWS_LIMIT, resource="compute")
        assert text == "one" + "".join(f";wn-{n}={TOKEN}{n}" for n in range(3))

    def test_a_machine_that_is_launched_alone_is_a_list_of_one(self, write):
        file = write("{% for m in machines %}{{ m.instance_name }}={{ m.token }};{% endfor %}")
        assert prepare(file, VALUES, limit=AWS_LIMIT, resource="compute") == f"<instance_name>={TOKEN};"

    def test_no_fault_shows_any_token(self, write):
        file = write("{{ machines[0].token.nothing.more }}")
        fault_of(prepare_many, file, self.COMMON, self.ROWS, limit=AWS_LIMIT, resource="compute")
        fault_of(prepare_many, write("{{ machines | sum }}"), self.COMMON, self.ROWS, limit=AWS_LIMIT, resource="compute")
