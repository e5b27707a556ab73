"""Parsing `-l nodes=`: `2:ppn=4:cloud+wn1:gpus=1#shared` and all its other forms. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# Words behind gpus=N: how the GPUs are shared, no properties
_GPU_MODES = frozenset({"shared", "exclusive", "exclusive_thread", "exclusive_process", "default", "reseterr"})
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """`count` virtual nodes with so many cores and GPUs each; `words` are properties or the name of a host."""

    count: int = 1
    cores: int = 1
    gpus: int = 0
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """What `nodes=` means. `exclusive`: #excl."""

    pieces: tuple[Piece, ...]
    exclusive: bool = False

    @property
    def is_trivial(self) -> bool:
        """Tell whether it says no more than what a default of `nodes=1` does."""
        return self.pieces == (Piece(),) and not self.exclusive

    @property
    def cores(self) -> int:
        return sum(piece.count * piece.cores for piece in self.pieces)


def parse_spec(text: str) -> Spec:
    """Return the pieces of a specification. Raises ValueError."""
    nodes, _, suffix = text.strip().partition("#")
    return Spec(tuple(_read_piece(part) for part in nodes.split("+")), suffix.startswith("excl"))


def read_count(text: str) -> int:
    """Return a number of nodes, cores or GPUs. Raises ValueError for what is none."""
    if not text.isdigit() or int(text) > _MOST:
        raise ValueError(f"{text[:40]!r} is no number of nodes, cores or GPUs")
    return int(text)


def _read_piece(text: str) -> Piece:
    first, *rest = text.strip().split(":")
    if not first:
        raise ValueError("a part of it is empty")
    amounts, words = {"ppn": 1, "gpus": 0}, []
    if not first.isdigit():
        rest = [first, *rest]
    for word in rest:
        name, equals, value = word.partition("=")
        if equals and name in amounts:
            amounts[name] = read_count(value)
        elif word and not equals:  # mics=1 and the like are nothing that a node of ours has or lacks
            words.append(word)
    if amounts["gpus"]:
        words = [word for word in words if word not in _GPU_MODES]
    words = [word for word in words if word != "shared"]
    count = read_count(first) if first.isdigit() else 1
    if not count or not amounts["ppn"]:
        raise ValueError("it asks for no node or no core")
    return Piece(count, amounts["ppn"], amounts["gpus"], tuple(words))
