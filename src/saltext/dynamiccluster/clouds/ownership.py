"""Owner tags: how a machine of ours is recognised in any cloud. Names never decide, only these tags do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..model import BatchOrder, LaunchOrder
from ..settings.kinds import RANDOM_PART

NAME = "Name"
CLUSTER = "dynamiccluster:cluster"
RESOURCE = "dynamiccluster:resource"
INTENT = "dynamiccluster:intent"
NAMES = "dynamiccluster:names-"  # with a number: the ends of the names of machines that were launched together
_NAMES_A_TAG = 240  # characters; clouds take 255


def owner_tags(cluster: str, resource: str) -> dict[str, str]:
    """Return the tags that say whose machine it is."""
    return {CLUSTER: cluster, RESOURCE: resource}


def launch_tags(cluster: str, resource: str, order: LaunchOrder, extra: Mapping[str, str] = {}) -> dict[str, str]:
    """Return all tags of a launch. The owner tags win over what settings or the order say under the same keys."""
    ours = {NAME: order.name, **owner_tags(cluster, resource), INTENT: order.intent}
    return {**extra, **order.tags, **ours}


def batch_tags(cluster: str, resource: str, order: BatchOrder, prefix: str, extra: Mapping[str, str] = {}) -> dict[str, str]:
    """Return the tags that all machines of one launch call share: from them and its number each one's name and intent are known.

    `Name` holds the beginning of all names, which is all that they have in common.
    """
    ends = [name.removeprefix(prefix) for name in order.names]
    ours = {NAME: prefix, **owner_tags(cluster, resource), INTENT: order.intent}
    return {**extra, **ours, **{f"{NAMES}{number}": text for number, text in enumerate(_pack(ends))}}


def _pack(words: Sequence[str]) -> list[str]:
    """Return the words, joined by blanks, in texts that fit into a tag."""
    texts = [""]
    for word in words:
        longer = f"{texts[-1]} {word}".strip()
        if len(longer) > _NAMES_A_TAG:
            texts.append(word)
        else:
            texts[-1] = longer
    return texts


def batch_size(prefix: str, free_tags: int) -> int:
    """Return how many names of this prefix fit into so many tags."""
    return max(free_tags, 0) * ((_NAMES_A_TAG + 1) // (RANDOM_PART + 1)) if prefix else 0


def name_and_intent(tags: Mapping[str, str], number: int) -> tuple[str, str]:
    """Return a machine's name and intent; `number` is its place among those launched with one call."""
    name, intent = tags.get(NAME, ""), tags.get(INTENT, "")
    if f"{NAMES}0" not in tags:
        return name, intent
    texts = [tags[key] for key in sorted((key for key in tags if _tag_number(key) >= 0), key=_tag_number)]
    ends = " ".join(texts).split()
    return (name + ends[number] if 0 <= number < len(ends) else ""), f"{intent}.{number}"


def _tag_number(key: str) -> int:
    """Return the number of a tag that holds names, -1 for any other tag."""
    digits = key.removeprefix(NAMES)
    return int(digits) if key.startswith(NAMES) and digits.isascii() and digits.isdigit() else -1


def is_owned(tags: Mapping[str, str], cluster: str, resource: str) -> bool:
    """Tell whether the tags name exactly this cluster and this resource."""
    return tags.get(CLUSTER) == cluster and tags.get(RESOURCE) == resource


def other_owner(tags: Mapping[str, str], cluster: str, resource: str) -> str:
    """Return in words who else owns the machine, "" when nobody else does."""
    if CLUSTER not in tags or is_owned(tags, cluster, resource):
        return ""
    return f"cluster {tags[CLUSTER]!r}, resource {tags.get(RESOURCE, '')!r}"
