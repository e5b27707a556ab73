"""The way into the engine's admin server: an account that only this lab knows, and a token for it."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from lab import inside
from lab.state import State

USER = "admin"
_TOKEN = "admin.token"
_MAKE = """
import salt.auth, salt.config
opts = salt.config.master_config("/etc/salt/master")
made = salt.auth.LoadAuth(opts).mk_token({"username": "%s", "password": opts["sharedsecret"], "eauth": "sharedsecret"})
print(made["token"])
"""


def account() -> dict[str, Any]:
    """Return what the master's configuration needs for the account; its password is another one in each lab."""
    access = {"sharedsecret": {USER: [{"@runner": ["dynamiccluster.*"]}]}}
    return {"external_auth": access, "sharedsecret": secrets.token_hex(16)}


def address(state: State) -> str:
    """Return where the dashboard is reached from the machine itself."""
    return f"http://127.0.0.1:{state.read('ports.json')['admin']}/dashboard"


def token_file(state: State) -> Path | None:
    """Return the file in which a token was left, None when there is none."""
    path = state.path / _TOKEN
    return path if path.exists() else None


def leave_token(state: State) -> Path:
    """Make a token and leave it in a file that only its owner can read; return the file."""
    made = inside.run(inside.head_argv(state), [sys.executable, "-c", _MAKE % USER]).stdout.split()[-1]
    path = state.path / _TOKEN
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(made + "\n")
    return path
