"""Reads pillar.example the way its reader would: as it is, and with each optional line or alternative switched on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
_OFF = re.compile(r"^(\s*)#(?=[A-Za-z_-])", re.MULTILINE)  # a # right before a setting, not the one of a sentence


def example_text(switched_on: bool) -> str:
    """Return pillar.example, with every optional line switched on or as it is."""
    text = (ROOT / "pillar.example").read_text()
    return _OFF.sub(r"\1", text) if switched_on else text


def settings_of(text: str, alternative: int = 0) -> Any:
    """Return what stands under `dynamiccluster`; of a key given several times, the alternative of that number or the last."""
    return _build(yaml.compose(text), alternative)["dynamiccluster"]


def count_alternatives(text: str) -> int:
    """Return how often the most repeated key is given in one mapping."""
    return max(len(nodes) for mapping in _mappings(yaml.compose(text)) for nodes in _grouped(mapping).values())


def key_lines(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield each key's path and the number of its line."""
    yield from _walk(yaml.compose(text), ())


def _walk(node: yaml.Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key.start_mark.line
            yield from _walk(value, (*path, key.value))


def _mappings(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)


def _grouped(node: yaml.MappingNode) -> dict[str, list[yaml.Node]]:
    groups: dict[str, list[yaml.Node]] = {}
    for key, value in node.value:
        groups.setdefault(key.value, []).append(value)
    return groups


def _build(node: yaml.Node, alternative: int) -> Any:
    if isinstance(node, yaml.MappingNode):
        groups = _grouped(node).items()
        return {key: _build(nodes[min(alternative, len(nodes) - 1)], alternative) for key, nodes in groups}
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, alternative) for item in node.value]
    return yaml.SafeLoader("").construct_document(node)
