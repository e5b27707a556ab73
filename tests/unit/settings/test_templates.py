"""Values from outside in commands: what runs is checked by really running it."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from saltext.dynamiccluster.settings.section import Wrong
from saltext.dynamiccluster.settings.slots import HOOK, HOST, JOB, PLAIN, QUEUE, one_of
from saltext.dynamiccluster.settings.templates import CommandSpec, Slot, Template, UnsafeValue

ANYTHING = Slot("anything", r"(?s:.*)", "kept")  # no slot of ours is so lax: it shows that quoting alone holds, too


def template(text: str, *slots: Slot, seed: str = "/opt/bin/tool {0}") -> Template:
    return CommandSpec("/usr/bin/tool {0}", seed, slots, demands=False).read(text)


def output(command: Template, *values: object) -> str:
    return subprocess.run(command.argv(*values), capture_output=True, text=True, check=True, timeout=10).stdout


@pytest.mark.parametrize("value", ["a b", "a'b", 'a"b', "$(id)", "`id`", "a;id", "*", "", "a\nb", "-n", "{0}", "\\"])
def test_a_value_stays_one_word_with_a_shell_and_without(value):
    assert output(template("printf [%s] {0}", ANYTHING), value) == f"[{value}]"
    assert output(template("printf [%s] {0} | cat", ANYTHING), value) == f"[{value}]"


def test_values_inside_the_quotes_of_the_template():
    assert output(template("printf [%s] 'create node {0}'", HOST), "n1") == "[create node n1]"
    assert output(template('printf [%s] "create node {0}" | cat', HOST), "n1") == "[create node n1]"
    assert output(template('printf [%s] "job {0}" | cat', JOB), "14[2].head") == "[job 14[2].head]"


def test_wild_cards_are_never_expanded_without_a_shell(tmp_path, monkeypatch):
    (tmp_path / "x@n1").touch()
    monkeypatch.chdir(tmp_path)
    assert output(template("printf %s *@{0}", HOST), "n1") == "*@n1"


@pytest.mark.parametrize(
    "value",
    ["a;b", "a b", "-rf", "$(id)", "a'b", "a\n", "\n", "", "n1\0", "*", "x" * 254, "n1/../x", "é", "a|b", "@x", "{0}"],
)
@pytest.mark.parametrize("text", ["tool {0}", "tool '{0}'", 'tool "{0}" | cat', "tool `x {0}`"])
def test_a_host_name_that_is_none_runs_nothing(text, value):
    with pytest.raises(UnsafeValue):
        template(text, HOST).argv(value)


def test_options_take_only_what_they_know():
    command = template("tool {0} {1}", one_of("-e or -d", "-e", "-d"), HOST)
    assert command.argv("-d", "n1") == ("tool", "-d", "n1")
    for wrong in ("-x", "-e|-d", "", "-ee"):
        with pytest.raises(UnsafeValue):
            command.argv(wrong, "n1")


def test_more_values_than_placeholders_are_refused():
    with pytest.raises(UnsafeValue, match="2 values"):
        template("tool {0}", HOST).argv("n1", "n2")


def test_an_optional_word_vanishes_and_a_kept_one_stays():
    dropped = Slot("host", HOST.pattern, "dropped")
    assert template("tool -x {0} -y", dropped).argv() == ("tool", "-x", "-y")
    assert template("tool -x {0} | cat", dropped).argv() == ("/bin/sh", "-c", "tool -x  | cat")
    assert HOOK.read("/x {0} {1} {2}").argv("n1", "", "dc-1") == ("/x", "n1", "", "dc-1")
    assert output(HOOK.read("printf [%s] {0} {1} {2} | cat"), "n1", "", "dc-1") == "[n1][][dc-1]"


@pytest.mark.parametrize(
    "values",
    [("n1.example.org", "10.0.0.1", "dc-abc234", "burst"), ("n_1", "fe80::1", "dc", "a.b-c"), ("", "", "", "")],
)
def test_hooks_take_real_values(values):
    assert HOOK.read("/x {0} {1} {2} {3}").argv(*values) == ("/x", *values)


def test_render_is_one_line_for_messages():
    assert template("tool {0} 'x {0}' | cat", HOST).render("n1") == "tool n1 'x n1' | cat"


@pytest.mark.parametrize(
    ("text", "builtin"),
    [
        ("/opt/bin/tool {0}", True),
        ("/usr/bin/tool {0}", True),
        ("/somewhere/else-1.2/tool {0}", True),
        ("tool {0}", True),
        ("/opt/bin/tool   {0} ", True),
        ("/opt/bin/tool -x {0}", False),
        ("/opt/bin/other {0}", False),
        ("ssh head /opt/bin/tool {0}", False),
        ("sudo tool {0}", False),
    ],
)
def test_equal_to_the_seed_whatever_the_directory_means_built_in(text, builtin):
    assert template(text, HOST).is_builtin is builtin


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("/opt/bin/tool {0}", ("/opt/bin/tool", "-u", "*")),
        ("/opt/bin/tool -x | grep {0}", ("/opt/bin/tool", "-u", "*")),
        ("sudo -n tool {0}", ("sudo", "-n", "tool", "-u", "*")),
        ("ssh -q head tool {0}", ("ssh", "-q", "head", "tool", "-u", "'*'")),
        ("ssh head tool -x {0} | grep x", ("ssh", "head", "tool", "-u", "'*'")),
        ("ROOT=/opt tool {0}", ("env", "ROOT=/opt", "tool", "-u", "*")),
        ("/site/script {0}", None),
        ("/site/script {0} | tool", None),
    ],
)
def test_other_calls_of_the_same_program_go_the_same_way(text, argv):
    assert template(text, HOST).program_argv("-u", "*") == argv


def test_the_program_that_must_exist():
    assert template("/opt/bin/tool {0}", HOST).program == "/opt/bin/tool"
    assert template("ROOT=/opt ssh head tool {0}", HOST).program == "ssh"
    assert PLAIN.read("'/a b/c' -x").program == "/a b/c"
    assert PLAIN.read("service pbs_server restart").program_argv("-x") == ("service", "-x")


def test_commands_wrapped_in_ssh_reach_the_other_side_whole(tmp_path):
    """A stand-in for ssh does what ssh does: joins its arguments and has a shell run them."""
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nshift\nexec /bin/sh -c "$*"\n')
    ssh.chmod(0o755)
    plain = template(f"{ssh} head printf [%s] {{0}}", JOB)
    assert output(plain, "14[2].head") == "[14[2].head]"
    assert output(template(f"{ssh} head printf [%s] {{0}}", ANYTHING), "a b;$(id)'*") == "[a b;$(id)'*]"
    nested = template(f"{ssh} head \"printf [%s] 'delete node {{0}}'\"", HOST)
    assert output(nested, "n1") == "[delete node n1]"
    other = template(f"{ssh} head printf {{0}}", HOST, seed="/usr/bin/printf x").program_argv("[%s]", "a b", "$(id)", "*")
    assert subprocess.run(other, capture_output=True, text=True, check=True, timeout=10).stdout == "[a b][$(id)][*]"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tool", r"\{0\} is missing: a host name"),
        ("tool {0} {2}", r"\{2\} has no meaning"),
        (7, "text"),
        ("a\nb {0} {1}", "one line"),
    ],
)
def test_templates_that_cannot_work_say_why(text, problem):
    with pytest.raises(Wrong, match=problem):
        CommandSpec("", slots=(HOST, QUEUE)).read(text)


def test_job_ids_of_both_batch_systems():
    for job in ("12", "12.3", "12.1-9:2", "12.head.example.org", "14[2].head", "14[].head"):
        assert JOB.check(job) == job
    for wrong in ("", "*", "all", "-f", "12;13", "12 13", "12.$x"):
        with pytest.raises(UnsafeValue):
            JOB.check(wrong)


def test_a_long_hostile_value_does_not_fill_the_message():
    with pytest.raises(UnsafeValue) as caught:
        HOST.check(";" * 100_000)
    assert len(str(caught.value)) < 200


def test_equal_templates_are_equal_and_quote_nothing_twice():
    assert template("tool {0}", HOST) == template("tool {0}", HOST)
    assert shlex.split(template("tool {0} | cat", ANYTHING).render("it's"))[1] == "it's"
