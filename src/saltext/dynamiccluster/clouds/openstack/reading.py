"""What Nova's answers say, as our own types. Pure functions; a field that is missing is empty, never an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from ...model import Instance, InstanceState, Shape
from ..ownership import INTENT, NAME, RESOURCE
from .refusals import fault_kind

Raw = Mapping[str, Any]

# A server that is off runs nothing, still counts in the quota and is never started again by us: an error, which ends it.
_OFF = frozenset({"SHUTOFF", "SHELVED", "SHELVED_OFFLOADED"})
_RUNNING = frozenset(
    {"ACTIVE", "REBOOT", "HARD_REBOOT", "PASSWORD", "RESIZE", "VERIFY_RESIZE", "REVERT_RESIZE", "MIGRATING"}
)
# There is no status for a server that is being ended: it keeps the old one until it is gone.
_ENDING_TASKS = frozenset({"deleting", "soft-deleting"})
_STATES: dict[str, InstanceState] = {
    **dict.fromkeys(_RUNNING, InstanceState.ACTIVE),
    **dict.fromkeys(_OFF, InstanceState.ERROR),
    "BUILD": InstanceState.STARTING,
    "REBUILD": InstanceState.STARTING,
    "ERROR": InstanceState.ERROR,
    "SOFT_DELETED": InstanceState.DELETING,
    "DELETED": InstanceState.INEXISTENT,
}
_GPU_WORDS = re.compile(r"gpu|nvidia|tesla|geforce|quadro|rtx|radeon|instinct|(?<![a-z0-9])(?:[avhlpt][0-9]{1,3}|k80)(?![a-z0-9])", re.I)
_LONGEST_FAULT = 300


def metadata_of(raw: Raw) -> dict[str, str]:
    """Return a server's metadata."""
    return dict(raw.get("metadata") or {})


def is_partial(raw: Raw) -> bool:
    """Tell whether the cloud could not read the server: one of its cells does not answer."""
    return "metadata" not in raw


def to_instance(raw: Raw, shape_of: Callable[[str], Shape | None], gpu_resources: Iterable[str] = (), networks: Iterable[str] = ()) -> Instance:
    """Read one item of a listing or a look-up. `resource` is "" for a server without our metadata.

    `shape_of` tells a flavor by id, for clouds too old to say it with the server; `networks` whose address comes first.
    """
    metadata = metadata_of(raw)
    name = metadata.get(NAME) or str(raw.get("name") or "")
    flavor = raw.get("flavor") or {}
    address, public = _addresses(raw, tuple(networks))
    fault = fault_of(raw)
    return Instance(
        id=raw["id"],
        name=name,
        resource=metadata.get(RESOURCE, ""),
        state=state_of(raw),
        intent=metadata.get(INTENT, ""),
        address=address,
        public_address=public,
        private_dns=str(raw.get("OS-EXT-SRV-ATTR:hostname") or name),
        created=to_epoch(raw.get("created")),
        shape=to_shape(flavor, gpu_resources) if "vcpus" in flavor else shape_of(str(flavor.get("id") or "")),
        flavor=str(flavor.get("original_name") or flavor.get("id") or ""),
        image=str((raw.get("image") or {}).get("id") or "") if isinstance(raw.get("image"), Mapping) else "",
        key_name=str(raw.get("key_name") or ""),
        security_groups=tuple(dict.fromkeys(str(group.get("name") or "") for group in raw.get("security_groups") or ())),
        zone=str(raw.get("OS-EXT-AZ:availability_zone") or ""),
        subnet=", ".join(raw.get("addresses") or {}),
        detail=_detail(raw, fault),
        stopped=_word(raw, "status") in _OFF and not _task(raw),
        refusal=_refusal(raw, fault),
    )


def state_of(raw: Raw) -> InstanceState:
    """Return the state: the task that is under way first, since a server that is being ended keeps its status."""
    status = _word(raw, "status")
    if _task(raw) in _ENDING_TASKS and status != "DELETED":
        return InstanceState.DELETING
    if status == "ACTIVE" and _task(raw) == "powering-off":
        return InstanceState.ERROR
    if status in _OFF and _task(raw):
        return InstanceState.UNKNOWN  # somebody starts it again, or moves it away
    return _STATES.get(status, InstanceState.UNKNOWN)


def fault_of(raw: Raw) -> str:
    """Return in one line why a server is in error, "" when Nova does not say."""
    text = " ".join(str((raw.get("fault") or {}).get("message") or "").split())
    return text if len(text) <= _LONGEST_FAULT else text[: _LONGEST_FAULT - 3] + "..."


def to_shape(flavor: Raw, gpu_resources: Iterable[str] = ()) -> Shape:
    """Read a flavor: virtual CPUs, MiB of memory, and the GPUs that its extra specs ask for."""
    cores, memory = int(flavor.get("vcpus") or 0), int(flavor.get("ram") or 0)
    return Shape(cores, memory, count_gpus(flavor.get("extra_specs") or {}, frozenset(gpu_resources)))


def count_gpus(specs: Mapping[str, str], named: frozenset[str] = frozenset()) -> int:
    """Return how many GPUs extra specs ask for: resource classes (`resources:VGPU`) and PCI aliases (`pci_passthrough:alias`).

    `named` are the classes and aliases that are GPUs; without any, those are whose own names say so.
    """
    wanted = [pair for key, value in specs.items() for pair in _requests(key, str(value))]
    return sum(count for name, count in wanted if _is_gpu(name, named))


def to_epoch(text: object) -> float:
    """Return Nova's time (`2026-11-22T08:15:30Z`) in Unix seconds, 0 for anything else."""
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


# -- inside -----------------------------------------------------------------------------------------------------


def _requests(key: str, value: str) -> Iterable[tuple[str, int]]:
    """Yield (class or alias, count) of one extra spec. Groups are numbered or named: `resources:X`, `resources1:X`, `resources_a:X`."""
    group, _, name = key.partition(":")
    if group.startswith("resources") and name:
        yield name, _number(value)
    if key == "pci_passthrough:alias":
        for one in value.split(","):
            alias, _, count = one.strip().partition(":")
            yield alias, _number(count or "1")


def _is_gpu(name: str, named: frozenset[str]) -> bool:
    return name in named if named else bool(_GPU_WORDS.search(name.replace("_", "-")))


def _number(text: str) -> int:
    return int(text) if text.strip().isdecimal() else 0


def _word(raw: Raw, key: str) -> str:
    return str(raw.get(key) or "").upper()


def _task(raw: Raw) -> str:
    return str(raw.get("OS-EXT-STS:task_state") or "").lower()


def _refusal(raw: Raw, fault: str) -> str:
    kind = fault_kind(fault) if _word(raw, "status") == "ERROR" else None
    return kind.value if kind else ""


def _detail(raw: Raw, fault: str) -> str:
    """Return Nova's words, as `BUILD/spawning` or `ERROR: No valid host was found.`."""
    words = "/".join(word for word in (_word(raw, "status"), _task(raw)) if word)
    locked = ", locked" if raw.get("locked") else ""
    return words + locked + (f": {fault}" if fault else "")


def _addresses(raw: Raw, networks: tuple[str, ...]) -> tuple[str, str]:
    """Return the address inside and the one outside. IPv4 goes first, and of several networks the one that the settings name first."""
    by_network = raw.get("addresses") or {}
    order = [*(name for name in networks if name in by_network), *(name for name in by_network if name not in networks)]
    found = sorted((one for name in order for one in by_network[name]), key=lambda one: one.get("version") != 4)
    floating = [str(one["addr"]) for one in found if one.get("OS-EXT-IPS:type") == "floating"]
    fixed = [str(one["addr"]) for one in found if one.get("OS-EXT-IPS:type") != "floating"]
    return (fixed[0] if fixed else ""), (floating[0] if floating else str(raw.get("accessIPv4") or ""))
