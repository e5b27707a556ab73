"""Nova's fake virt driver with the troubles of a real one, asked for by metadata of the server or for all servers by a file.

Knobs: `lab:spawn_seconds`, `lab:spawn_failure` (abort, reschedule), `lab:destroy_seconds`. The file is `knobs.json` in the stack's directory, with
the names without `lab:`; a server's own metadata go before it.
"""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

from nova import context, exception, objects
from nova.compute import power_state, vm_states
from nova.virt import fake

from lab.nova.machines import Register, tell_hypervisor

PREFIX = "lab:"
_SPACE = uuid.UUID("7b0f2c5e-3c1d-4a9e-9d52-0d1b7f7f6a01")
_GPUS = {"compute-b1": 4}
_WITH_MACHINE = {vm_states.ACTIVE: power_state.RUNNING, vm_states.STOPPED: power_state.SHUTDOWN}


class Driver(fake.FakeDriver):  # type: ignore[misc]  # Nova has no types
    """One compute host. Its machines outlive the process, as a hypervisor's do."""

    vcpus = 400
    memory_mb = 1_600_000
    local_gb = 100_000
    directory = Path()

    def init_host(self, host: str) -> None:
        """Take up the machines that ran when the process ended."""
        super().init_host(host)
        for one in objects.InstanceList.get_by_host(context.get_admin_context(), host, expected_attrs=["flavor"]):
            if one.vm_state in _WITH_MACHINE:
                self.instances[one.uuid] = fake.FakeInstance(one.name, _WITH_MACHINE[one.vm_state], one.uuid)

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        """Return the host's resources; its id is the same after each restart."""
        return {**super().get_available_resource(nodename), "uuid": str(uuid.uuid5(_SPACE, nodename))}

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        """Return the host's one node."""
        return {str(uuid.uuid5(_SPACE, name)): name for name in self.get_available_nodes()}

    def update_provider_tree(self, provider_tree: Any, nodename: str, allocations: Any = None) -> None:
        """Tell Placement of the host's GPUs too."""
        super().update_provider_tree(provider_tree, nodename, allocations)
        gpus = _GPUS.get(nodename)
        if gpus:
            rest = {"reserved": 0, "min_unit": 1, "max_unit": gpus, "step_size": 1, "allocation_ratio": 1.0}
            provider_tree.update_inventory(nodename, {**provider_tree.data(nodename).inventory, "VGPU": {"total": gpus, **rest}})

    def spawn(self, context: Any, instance: Any, *arguments: Any, **keywords: Any) -> None:
        """Make the machine, as slowly and as badly as the knobs say."""
        time.sleep(float(self._knob(instance, "spawn_seconds", "0")))
        failure = self._knob(instance, "spawn_failure", "")
        if failure == "abort":
            raise exception.BuildAbortException(instance_uuid=instance.uuid, reason="the lab's hypervisor is told to fail")
        if failure == "reschedule":
            raise exception.NovaException("the lab's hypervisor is told to fail, elsewhere it may go better")
        super().spawn(context, instance, *arguments, **keywords)
        addresses = [ip["address"] for vif in keywords.get("network_info") or () for ip in vif.fixed_ips()]
        Register(self.directory).add(instance.uuid, instance.display_name, "".join(addresses[:1]), instance.user_data or "")
        self._tell()

    def destroy(self, context: Any, instance: Any, *arguments: Any, **keywords: Any) -> None:
        """End the machine."""
        time.sleep(float(self._knob(instance, "destroy_seconds", "0")))
        super().destroy(context, instance, *arguments, **keywords)
        self._end(instance)

    def power_off(self, instance: Any, *arguments: Any, **keywords: Any) -> None:
        """Cut the machine's power."""
        super().power_off(instance, *arguments, **keywords)
        self._end(instance)

    def _end(self, instance: Any) -> None:
        Register(self.directory).remove(instance.uuid)
        self._tell()

    def _tell(self) -> None:
        tell_hypervisor(self.directory.parent / "hypervisor.sock")

    def _knob(self, instance: Any, name: str, default: str) -> str:
        try:
            for_all = json.loads((self.directory / "knobs.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            for_all = {}
        return str(instance.metadata.get(f"{PREFIX}{name}", for_all.get(name, default)))
