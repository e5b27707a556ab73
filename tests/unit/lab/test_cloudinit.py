from __future__ import annotations

import base64
import gzip

import pytest

from lab.cloudinit import UserDataError, decode, parse, script_of


def test_a_worker_nodes_document_is_understood():
    document = parse("#cloud-config\nhostname: n1\nmanage_etc_hosts: true\nruncmd:\n  - [service, salt-minion, start]\n")
    assert document["hostname"] == "n1"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hostname: n1\n", "neither #cloud-config nor #!"),
        ("#cloud-config\n- a\n", "no mapping"),
        ("#cloud-config\nhostname: [\n", "no YAML"),
        ("#cloud-config\nruncommand: []\nhostnam: x\n", "hostnam, runcommand"),
        ("#cloud-config\n!!python/object/apply:os.system ['true']\n", "no YAML"),
    ],
)
def test_what_cannot_be_carried_out_is_an_error(text, problem):
    with pytest.raises(UserDataError, match=problem):
        parse(text)


def test_a_list_is_one_quoted_command_and_text_is_shell():
    assert script_of([["echo", "a b", "$HOME", 3], "echo $HOME | cat"]) == "#!/bin/sh\necho 'a b' '$HOME' 3\necho $HOME | cat\n"


def test_a_command_of_another_kind_is_an_error():
    with pytest.raises(UserDataError, match="text or a list"):
        script_of([{"a": 1}])


@pytest.mark.parametrize("encoding", ["gz+b64", "gzip+base64"])
def test_encodings(encoding):
    packed = base64.b64encode(gzip.compress("ä\n".encode())).decode()
    assert decode(packed, encoding) == "ä\n".encode()
    assert decode("eA==", "b64") == b"x"
    assert decode("x", "text/plain") == b"x"


def test_an_unknown_encoding_is_an_error():
    with pytest.raises(UserDataError, match="rot13"):
        decode("x", "rot13")
