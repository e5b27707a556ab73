"""How a command template is cut up: placeholders, shell quoting, words. Pure text, no knowledge of any command."""

from __future__ import annotations

import re
import shlex
import string
from dataclasses import dataclass
from functools import lru_cache

from .section import Wrong

META = frozenset("|&;<>()`$\n")  # outside quotes: only a shell can do it
_META_IN_DOUBLE = frozenset("`$")
_MARK = re.compile("\0([0-9]+)\0")  # a placeholder, while the words are cut
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True)
class Piece:
    """Literal text, or (`slot` given) a placeholder. `quoted`: it stands inside quotes, or right after a backslash."""

    text: str
    slot: int | None = None
    quoted: bool = False


@dataclass(frozen=True)
class Cut:
    """A template, cut up. `words` still hold their placeholders, marked; empty when a shell must cut them."""

    pieces: tuple[Piece, ...]
    words: tuple[str, ...]
    needs_shell: bool

    @property
    def slots(self) -> frozenset[int]:
        return frozenset(piece.slot for piece in self.pieces if piece.slot is not None)


@lru_cache(maxsize=256)
def cut(text: str) -> Cut:
    """Cut a template up. Raises Wrong when braces or quotes are unbalanced, or a placeholder is no {number}.

    Wild cards are left as they are written (`*@{0}` is a name for qmod, not a pattern for files), so that they alone need no shell.
    """
    raw = _split_placeholders(text)
    pieces, needs_shell = _scan(raw)
    marked = "".join(piece.text if piece.slot is None else f"\0{piece.slot}\0" for piece in pieces)
    try:
        words = tuple(shlex.split(marked))
    except ValueError:
        raise Wrong("the quotes are not balanced", "close each quote that you open") from None
    if not words or not words[0] or _MARK.search(words[0]):
        raise Wrong("the first word must be the program", "begin with the path of the program")
    needs_shell = needs_shell or is_assignment(words[0])
    return Cut(pieces, () if needs_shell else words, needs_shell)


def is_assignment(word: str) -> bool:
    """Tell whether a leading word sets a variable for the command, as shells have it."""
    return bool(_ASSIGNMENT.match(word))


def fill_word(word: str, values: tuple[str, ...], drop: frozenset[int]) -> str | None:
    """Put values into one word. None: the word was nothing but a placeholder whose value is dropped."""
    whole = _MARK.fullmatch(word)
    if whole and int(whole[1]) in drop:
        return None
    return _MARK.sub(lambda found: values[int(found[1])], word)


def _split_placeholders(text: str) -> list[Piece]:
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError:
        raise Wrong("a single { or }", "write {{ and }} for braces of the command itself") from None
    pieces: list[Piece] = []
    for literal, field, spec, conversion in parsed:
        if literal:
            pieces.append(Piece(literal))
        if field is None:
            continue
        if not re.fullmatch(r"[0-9]", field) or spec or conversion:
            raise Wrong(
                f"{{{field[:40]}}} is not a placeholder",
                "placeholders are {0}, {1} and so on; write {{ and }} for braces of the command itself",
            )
        pieces.append(Piece("", int(field)))
    return pieces


def _scan(raw: list[Piece]) -> tuple[tuple[Piece, ...], bool]:
    """Find which placeholders stand in quotes, and whether only a shell can run the text."""
    state, word_start, needs_shell = "", True, False
    pieces = []
    for piece in raw:
        if piece.slot is not None:
            pieces.append(Piece("", piece.slot, quoted=bool(state)))
            state, word_start = state.rstrip("\\"), False
            continue
        pieces.append(piece)
        for char in piece.text:
            needs_shell = needs_shell or _is_shell(char, state, word_start)
            word_start = not state and char.isspace()
            state = _next_state(state, char)
    return tuple(pieces), needs_shell


def _is_shell(char: str, state: str, word_start: bool) -> bool:
    if state == "":
        return char in META or (word_start and char in "#~")
    return state == '"' and char in _META_IN_DOUBLE


def _next_state(state: str, char: str) -> str:
    """Follow a POSIX shell's quoting. States: none, either quote, each with a backslash when the last character was one."""
    if state.endswith("\\"):
        return state[:-1]
    if char == "\\" and state != "'":
        return state + "\\"
    if char in "'\"" and state in ("", char):
        return "" if state else char
    return state
