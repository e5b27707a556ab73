"""What one command is given."""

from __future__ import annotations

from dataclasses import dataclass

from lab.torque.maui import Maui
from lab.torque.server import Server


@dataclass(frozen=True)
class Context:
    """One command of one user, over the state of the server and of Maui."""

    server: Server
    maui: Maui
    name: str
    words: tuple[str, ...]
    user: str = "root"
    stdin: str = ""
    script: str | None = None
    directory: str = ""
    environment: dict[str, str] | None = None

    @property
    def is_manager(self) -> bool:
        return f"{self.user}@{self.server.name}" in self.server.attributes.get("managers", "").split(",")


def options(words: tuple[str, ...], valued: str) -> tuple[dict[str, str], list[str]]:
    """Split words into options and operands as getopt does: letters of `valued` take a value, others none.

    A repeated option's values are joined by commas. Raises ValueError when a value is missing.
    """
    found: dict[str, str] = {}
    rest: list[str] = []
    words_left = list(words)
    while words_left:
        word = words_left.pop(0)
        if not word.startswith("-") or word == "-":
            rest.append(word)
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            value = ""
            if letter in valued:
                if not letters and not words_left:
                    raise ValueError(f"option requires an argument -- '{letter}'")
                value, letters = letters or words_left.pop(0), ""
            found[letter] = f"{found[letter]},{value}" if found.get(letter) and value else value
    return found, rest
