from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.torque.spec import Piece, parse_spec


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("1", [Piece()]),
        ("20", [Piece(20)]),
        ("2:ppn=4+1:ppn=2", [Piece(2, 4), Piece(1, 2)]),
        ("1:cloud:ppn=4", [Piece(1, 4, 0, ("cloud",))]),
        ("1:ppn=4:cloud:big", [Piece(1, 4, 0, ("cloud", "big"))]),
        ("1:ppn=2:gpus=1", [Piece(1, 2, 1)]),
        ("1:ppn=2:gpus=1:exclusive_process", [Piece(1, 2, 1)]),
        ("wn1+wn2", [Piece(words=("wn1",)), Piece(words=("wn2",))]),
        ("wn1:ppn=2+wn2:ppn=1", [Piece(1, 2, 0, ("wn1",)), Piece(1, 1, 0, ("wn2",))]),
        ("cloud:ppn=8", [Piece(1, 8, 0, ("cloud",))]),
        ("1#shared", [Piece()]),
        ("2:ppn=2:shared", [Piece(2, 2)]),
        ("1:ppn=2:mics=1", [Piece(1, 2)]),
    ],
)
def test_t2_nodes_in_all_its_forms(text, pieces):
    assert list(parse_spec(text).pieces) == pieces


def test_exclusive():
    assert parse_spec("2#excl").exclusive and not parse_spec("2#shared").exclusive


@pytest.mark.parametrize("text", ["", "+", "1+", "0", "1:ppn=0", "1:ppn=x", "1:gpus=-1", "99999999999"])
def test_what_cannot_be_understood(text):
    with pytest.raises(ValueError):
        parse_spec(text)
