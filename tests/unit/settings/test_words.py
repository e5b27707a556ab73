from __future__ import annotations

import pytest
from saltext.dynamiccluster.settings.section import Wrong
from saltext.dynamiccluster.settings.words import cut


@pytest.mark.parametrize(
    "text",
    [
        "a | b",
        "a|b",
        "a > /x",
        "a < /x",
        "a `b`",
        "a $(b)",
        "a $HOME",
        'a "$HOME"',
        'a "`b`"',
        "a; b",
        "a && b",
        "a &",
        "(a)",
        "a # remark",
        "a ~/b",
        "X=1 a",
        "a\nb",
    ],
)
def test_what_only_a_shell_can_do(text):
    assert cut(text).needs_shell


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b", ("a", "b")),
        ("a '|' \";\" \\$ '$x' '`'", ("a", "|", ";", "$", "$x", "`")),
        ("a 'it''s' \"a 'b' c\"", ("a", "its", "a 'b' c")),
        ("a *@b x?[y]", ("a", "*@b", "x?[y]")),
        ("a b#c d~e x=y", ("a", "b#c", "d~e", "x=y")),
        ('a "\\"" \\| b', ("a", '"', "|", "b")),
        ("a {{b}}", ("a", "{b}")),
        ("  a   b  ", ("a", "b")),
    ],
)
def test_words_without_a_shell(text, words):
    assert not cut(text).needs_shell
    assert cut(text).words == words


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a '", "quotes"),
        ('a "b', "quotes"),
        ("a {", "single"),
        ("a }", "single"),
        ("awk '{print $1}'", "placeholder"),
        ("a {}", "placeholder"),
        ("a {host}", "placeholder"),
        ("a {0.real}", "placeholder"),
        ("a {0[x]}", "placeholder"),
        ("a {0!r}", "placeholder"),
        ("a {0:>9}", "placeholder"),
        ("a {10}", "placeholder"),
        ("a {-1}", "placeholder"),
        ("{0} a", "program"),
        ("x{0} a", "program"),
        ("''", "program"),
    ],
)
def test_texts_that_cannot_work(text, problem):
    with pytest.raises(Wrong, match=problem) as caught:
        cut(text)
    assert caught.value.hint


def test_placeholders_know_whether_they_stand_in_quotes():
    found = {piece.slot: piece.quoted for piece in cut("a {0} '{1}' \"x {2}\" `b {3}` \\'{4}").pieces if piece.slot is not None}
    assert found == {0: False, 1: True, 2: True, 3: False, 4: False}
