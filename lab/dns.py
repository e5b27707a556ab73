"""The lab's name server: answers A and PTR for the head and the nodes, and says "no such name" for everything else.

Run as `python -m lab.dns NAMES_FILE` in the head's network. The file maps each name to its IPv4 address; the first name of an address is its reverse one.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
from pathlib import Path

from lab.layout import ADDRESS

_A, _PTR = 1, 12
_NO_ERROR, _NO_SUCH_NAME = 0, 3
_TTL = 1


def main() -> None:
    """Serve for ever; the file is read again for each question, it is small and changes at any time."""
    source = Path(sys.argv[1])
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((ADDRESS, 53))
    while True:
        question, sender = server.recvfrom(512)
        try:
            server.sendto(answer(question, json.loads(source.read_text(encoding="utf-8"))), sender)
        except (ValueError, IndexError, struct.error, OSError) as error:
            print(f"dns: question {question!r} from {sender}: {error}", file=sys.stderr, flush=True)


def answer(question: bytes, names: dict[str, str]) -> bytes:
    """Return the reply to a DNS question; raise ValueError, IndexError or struct.error when it is none."""
    identity, flags = struct.unpack("!HH", question[:4])
    labels, end = _labels(question, 12)
    kind = struct.unpack("!H", question[end:end + 2])[0]
    name = ".".join(labels).lower()
    data, known = _look_up(name, kind, names)
    records = b"" if data is None else struct.pack("!HHHIH", 0xC00C, kind, 1, _TTL, len(data)) + data
    status = _NO_ERROR if known else _NO_SUCH_NAME
    header = struct.pack("!HHHHHH", identity, 0x8480 | (flags & 0x0100) | status, 1, 1 if records else 0, 0, 0)
    return header + question[12:end + 4] + records


def _look_up(name: str, kind: int, names: dict[str, str]) -> tuple[bytes | None, bool]:
    """Return the record's data, if there is one of this kind, and whether the name exists at all."""
    if name.endswith(".in-addr.arpa"):
        address = ".".join(reversed(name.removesuffix(".in-addr.arpa").split(".")))
        owner = next((one for one, its in names.items() if its == address), None)
        return (_encode(owner) if owner and kind == _PTR else None), owner is not None
    found = names.get(name)
    return (socket.inet_aton(found) if found and kind == _A else None), found is not None


def _labels(message: bytes, start: int) -> tuple[list[str], int]:
    labels = []
    while length := message[start]:
        if length > 63:
            raise ValueError("a compressed name in a question")
        labels.append(message[start + 1:start + 1 + length].decode("ascii", "replace"))
        start += 1 + length
    return labels, start + 1


def _encode(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split(".")) + b"\0"


if __name__ == "__main__":
    main()
