"""The daemons' configuration files for one place. Standard library only."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path

from lab.nova.places import REGION, SERVICES, Place, venv

TOKEN_S = 3600
# For so long a service believes in a token without asking Keystone. Real sites have minutes, for which no test can wait.
TOKEN_CACHE_S = 2
_KEY_REPOSITORIES = ("fernet", "credential")
Sections = Mapping[str, Mapping[str, object]]


def write(place: Place, token_seconds: int = TOKEN_S) -> None:
    """Write everybody's files; keys for Keystone's tokens are made anew when there are none."""
    for repository in _KEY_REPOSITORIES:
        _write_keys(place.path / "keys" / repository)
    write_keystone(place, token_seconds)
    writers = {"placement": _placement, "glance": _glance, "neutron": _neutron, "nova": _nova}
    for service, sections in writers.items():
        _write(place, service, sections(place))
    _write_entry_points(place.path / "entry" / "lab_nova-1.dist-info")


def write_keystone(place: Place, token_seconds: int) -> None:
    """Write Keystone's file; its tokens live for that many seconds."""
    keys = place.path / "keys"
    _write(place, "keystone", {
        "DEFAULT": _common(place),
        "database": _database(place, "keystone"),
        "token": {"provider": "fernet", "expiration": token_seconds},
        "fernet_tokens": {"key_repository": keys / "fernet"},
        "fernet_receipts": {"key_repository": keys / "fernet"}, "credential": {"key_repository": keys / "credential"},
        "identity": {"password_hash_rounds": 4},  # the least: nobody attacks this one, and each sign-in computes it
        "cache": {"enabled": True, "backend": "dogpile.cache.memory"},
    })


def _placement(place: Place) -> Sections:
    return {"DEFAULT": _common(place), "api": {"auth_strategy": "keystone"}, "placement_database": _database(place, "placement"),
            "keystone_authtoken": _authtoken(place, "placement")}


def _glance(place: Place) -> Sections:
    images = place.path / "images"
    images.mkdir(exist_ok=True)
    return {
        "DEFAULT": {**_common(place), "enabled_backends": "images:file", "worker_self_reference_url": place.url("glance"),
                    "enabled_import_methods": "[]"},
        "database": _database(place, "glance"), "keystone_authtoken": _authtoken(place, "glance"),
        "glance_store": {"default_backend": "images"}, "images": {"filesystem_store_datadir": images},
        "os_glance_staging_store": {"filesystem_store_datadir": place.path / "staging"},
        "os_glance_tasks_store": {"filesystem_store_datadir": place.path / "tasks"},
        "paste_deploy": {"flavor": "keystone", "config_file": venv() / "etc/glance/glance-api-paste.ini"},
    }


def _neutron(place: Place) -> Sections:
    return {
        "DEFAULT": {**_common(place), "core_plugin": "ml2", "service_plugins": "", "auth_strategy": "keystone", "api_paste_config":
                    venv() / "etc/neutron/api-paste.ini", "notify_nova_on_port_status_changes": False,
                    "notify_nova_on_port_data_changes": False, "dhcp_agent_notification": False, "api_workers": 1, "rpc_workers": 0},
        "database": _database(place, "neutron"), "keystone_authtoken": _authtoken(place, "neutron"),
        "ml2": {"type_drivers": "local", "tenant_network_types": "local", "mechanism_drivers": "lab", "extension_drivers": "port_security"},
        "oslo_concurrency": {"lock_path": place.path / "locks"},
        "quotas": {"quota_port": -1, "quota_network": -1, "quota_subnet": -1},
    }


def _nova(place: Place) -> Sections:
    state = place.path / "nova"
    state.mkdir(exist_ok=True)
    return {
        "DEFAULT": {
            **_common(place), "host": "head", "compute_driver": "lab.Driver", "state_path": state, "my_ip": "127.0.0.1",
            "update_resources_interval": -1, "sync_power_state_interval": -1, "heal_instance_info_cache_interval": -1,
            "instance_build_timeout": 0, "reclaim_instance_interval": 0, "shelved_poll_interval": -1, "vif_plugging_is_fatal": False,
            "vif_plugging_timeout": 0, "initial_cpu_allocation_ratio": 1.0, "initial_ram_allocation_ratio": 1.0, "report_interval": 10,
            "service_down_time": 600, "running_deleted_instance_action": "noop", "image_cache_manager_interval": -1,
        },
        "database": _database(place, "nova"), "api_database": _database(place, "nova_api"),
        "api": {"auth_strategy": "keystone", "response_validation": "ignore"}, "wsgi": {"api_paste_config": venv() / "etc/nova/api-paste.ini"},
        "keystone_authtoken": _authtoken(place, "nova"),
        # Neutron lets nobody else delete the port of a server, not even its owner.
        "service_user": {**_client(place, "nova"), "send_service_user_token": True},
        "placement": _client(place, "nova"), "neutron": _client(place, "nova"), "glance": {"region_name": REGION},
        "cinder": {"region_name": REGION}, "oslo_concurrency": {"lock_path": place.path / "locks"},
        "scheduler": {"workers": 1, "max_attempts": 3}, "conductor": {"workers": 1},
        "quota": {"instances": -1, "cores": -1, "ram": -1, "key_pairs": -1, "metadata_items": 128},
        "filter_scheduler": {"track_instance_changes": False}, "image_cache": {"manager_interval": -1},
        "key_manager": {"backend": "nova.keymgr.conf_key_mgr.ConfKeyManager", "fixed_key": "00"},
    }


def _common(place: Place) -> dict[str, object]:
    return {"debug": False, "use_stderr": True, "transport_url": "fake:/", "log_options": False}


def _database(place: Place, name: str) -> dict[str, object]:
    return {"connection": place.database(name), "max_pool_size": 20, "max_overflow": 30}


def _client(place: Place, user: str) -> dict[str, object]:
    return {"auth_type": "password", "auth_url": place.url("keystone"), "username": user, "password": place.secret(user), "project_name": "service",
            "user_domain_name": "Default", "project_domain_name": "Default", "region_name": REGION}


def _authtoken(place: Place, user: str) -> dict[str, object]:
    return {**_client(place, user), "www_authenticate_uri": place.url("keystone"), "interface": "public", "service_token_roles": "service",
            "service_token_roles_required": True, "token_cache_time": TOKEN_CACHE_S,
            "http_request_max_retries": 1}


def _write(place: Place, service: str, sections: Sections) -> None:
    assert service in SERVICES
    lines: list[str] = []
    for name, options in sections.items():
        lines += [f"[{name}]", *(f"{key} = {value}" for key, value in options.items()), ""]
    target = place.path / "etc" / service / f"{service}.conf"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch(mode=0o600)
    target.write_text("\n".join(lines), encoding="utf-8")


def _write_keys(repository: Path) -> None:
    if repository.exists():
        return
    repository.mkdir(parents=True, mode=0o700)
    for name in ("0", "1"):
        path = repository / name
        path.touch(mode=0o600)
        path.write_bytes(base64.urlsafe_b64encode(secrets.token_bytes(32)))


def _write_entry_points(info: Path) -> None:
    """Have Neutron find the lab's mechanism driver, which it looks for by name among what is installed."""
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-nova\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[neutron.ml2.mechanism_drivers]\nlab = lab.nova.inside.ports:BindsEveryPort\n", encoding="utf-8")
