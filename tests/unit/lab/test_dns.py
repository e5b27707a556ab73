from __future__ import annotations

import struct

import pytest

from lab.dns import answer

NAMES = {"head": "10.78.0.10", "n1": "10.78.1.1", "ip-10-78-1-1.ec2.internal": "10.78.1.1"}
A, PTR, AAAA = 1, 12, 28


def question(name: str, kind: int) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    return struct.pack("!HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!HH", kind, 1)


def read(reply: bytes, asked: bytes) -> tuple[int, int, bytes]:
    """Return status, number of answers and the first answer's data."""
    identity, flags, _, answers, _, _ = struct.unpack("!HHHHHH", reply[:12])
    assert identity == 0x1234
    assert flags & 0x8000, "it must be marked as a reply"
    assert reply[12:len(asked)] == asked[12:]
    return flags & 0xF, answers, reply[len(asked) + 12:]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("n1", A, (0, 1, bytes([10, 78, 1, 1]))),
        ("N1", A, (0, 1, bytes([10, 78, 1, 1]))),
        ("ip-10-78-1-1.ec2.internal", A, (0, 1, bytes([10, 78, 1, 1]))),
        ("n1", AAAA, (0, 0, b"")),
        ("n2", A, (3, 0, b"")),
        ("1.1.78.10.in-addr.arpa", PTR, (0, 1, b"\x02n1\x00")),
        ("9.1.78.10.in-addr.arpa", PTR, (3, 0, b"")),
    ],
)
def test_answers(name, kind, expected):
    asked = question(name, kind)
    assert read(answer(asked, NAMES), asked) == expected


@pytest.mark.parametrize("junk", [b"", b"\x12", question("n1", A)[:14], b"\0" * 12 + b"\xc0\x0c\0\1\0\1"])
def test_junk_raises_what_the_server_catches(junk):
    with pytest.raises((ValueError, IndexError, struct.error)):
        answer(junk, NAMES)
