from __future__ import annotations

from lab.demo.show import Screen, lines_of, table

NODE = {"name": "std-a", "state_name": "Busy", "resource": "standard", "jobs": ["1", "2"], "stays": "busy with 2 jobs", "reason": ""}
PLACEHOLDER = {**NODE, "name": "placeholder", "resource": ""}
WAITING = {"jobid": "7", "name": "smp", "state": "pending", "requested_cores": 4, "hosts": [], "fate": {"reason": "std-a is on the way for it"}}
RUNNING = {"jobid": "1", "name": "x", "state": "running", "requested_cores": 1, "hosts": ["std-a"], "fate": None}


def test_the_table_has_nodes_of_resources_and_jobs_with_reasons():
    text = "\n".join(table({"nodes": [NODE, PLACEHOLDER], "jobs": [WAITING, RUNNING]}))
    assert "busy with 2 jobs" in text
    assert "std-a is on the way for it" in text
    assert "on std-a" in text
    assert "placeholder" not in text


def test_many_jobs_are_cut_and_counted():
    rows = table({"jobs": [WAITING] * 40})
    assert rows[-1] == "... and 24 more"
    assert len(rows) < 25


def test_an_event_becomes_a_line_with_its_reason():
    events = [
        {"tag": "dynamiccluster/lab/node/std-a/joined", "data": {"reason": "for job 6"}},
        {"tag": "dynamiccluster/lab/engine/started", "data": {}},
    ]
    assert lines_of(events) == ["node std-a joined: for job 6", "engine started"]


def test_without_a_terminal_each_thing_is_one_plain_line(capsys):
    screen = Screen(live=False)
    screen.say("a")
    screen.draw("title", {"nodes": [NODE]})
    screen.close()
    assert capsys.readouterr().out == "a\n"


def test_on_a_terminal_the_table_is_redrawn_and_the_cursor_given_back(capsys):
    screen = Screen(live=True)
    screen.say("a")
    screen.draw("title", {"nodes": [NODE]})
    screen.close()
    screen.close()
    text = capsys.readouterr().out
    assert "title" in text and "std-a" in text and text.count("\x1b[?25h") == 1
