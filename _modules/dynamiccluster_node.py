"""
What a worker node knows of itself. Needs Salt and the standard library only, so that it can be synced to any minion.

For highstates and orchestrations that must know whether a node really serves:

.. code-block:: yaml

    execd_is_up:
      module.run:
        - dynamiccluster_node.execd_running: []
"""

from __future__ import annotations

import base64
import calendar
import http.client
import json
import os
import re
import time
from pathlib import Path

__version__ = "2.0.0"
__virtualname__ = "dynamiccluster_node"

# A link-local address: the host's hypervisor answers, whatever the network. Never by way of a proxy.
_METADATA = "169.254.169.254"
_TOKEN_LIFE = 21600  # seconds, the longest that there is
_TIMEOUT = 1.0
_SILENCE = 60.0  # seconds without asking again where nothing answers
_REPEAT = 30.0  # seconds after which a notice that stands is told again: the engine may just have been away
_LONGEST = 200
# After each of these the machine is gone, or everything on it was ended. Work on its network or power alone is no reason to leave it.
_ENDING = frozenset({"instance-retirement", "instance-stop", "instance-reboot", "system-reboot"})


def __virtual__():
    if not Path("/proc/self/status").exists():
        return False, "dynamiccluster_node needs Linux: it reads /proc"
    return __virtualname__


def facts():
    """
    Return what this node has: cores this process may use, and memory in MiB.

    CLI Example:

    .. code-block:: bash

        salt 'dc-*' dynamiccluster_node.facts
    """
    memory = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {"cores": len(os.sched_getaffinity(0)), "memory_mb": int(memory.group(1)) // 1024 if memory else 0}


def execd_running(name="sge_execd"):
    """
    Tell whether the execution daemon runs on this node: Grid Engine's, or the process that is named.

    CLI Example:

    .. code-block:: bash

        salt 'dc-*' dynamiccluster_node.execd_running
        salt 'dc-*' dynamiccluster_node.execd_running pbs_mom
    """
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().strip() == name[:15]:
                return True
        except OSError:
            continue  # it ended while we looked
    return False


def notices(address=_METADATA):
    """
    Return what the cloud has announced about this machine, as its instance metadata service (IMDSv2) tells it now: the instance's id, and for
    each notice its kind (interruption, rebalance or retirement), a line of text and the Unix time for which it is announced (0: none).

    Raises OSError or ValueError when the service does not answer, or answers something else.

    CLI Example:

    .. code-block:: bash

        salt 'dc-*' dynamiccluster_node.notices
    """
    connection = http.client.HTTPConnection(address, timeout=_TIMEOUT)
    try:
        return {"instance": _identity(connection), "notices": [*_interruption(connection), *_rebalance(connection), *_maintenance(connection)]}
    except http.client.HTTPException as error:
        raise OSError(f"the metadata service answered no HTTP: {error!r}") from None
    finally:
        connection.close()


def announce(address=_METADATA):
    """
    Return what is to be told to the master now: nothing while there is no notice or it was told just now, else one signed message. What the beacon
    ``dynamiccluster_notice`` calls; it never raises.

    CLI Example:

    .. code-block:: bash

        salt 'dc-*' dynamiccluster_node.announce
    """
    known = __context__.setdefault("dynamiccluster_node.announce", {"told": None, "at": 0.0, "not_before": 0.0})
    now = time.monotonic()
    if now < known["not_before"]:
        return []
    try:
        found = notices(address)
    except (OSError, ValueError):
        known["not_before"] = now + _SILENCE
        return []
    if not found["notices"] or (found == known["told"] and now - known["at"] < _REPEAT):
        return []
    known.update(told=found, at=now)
    return [_sign({**found, "id": __opts__["id"], "at": time.time()})]


def _sign(content):
    """Return the content as a text with the signature of this minion's own key, which nobody else has: any minion may fire any tag."""
    import salt.crypt  # here, so that all else also works where it is slow to load

    text = json.dumps(content, sort_keys=True)
    key = str(Path(__opts__["pki_dir"]) / "minion.pem")
    signature = salt.crypt.sign_message(key, text.encode())
    return {"said": text, "signature": base64.b64encode(signature).decode()}


def _identity(connection):
    return _ask(connection, "meta-data/instance-id") or ""


def _interruption(connection):
    answer = _ask(connection, "meta-data/spot/instance-action")
    if not answer:
        return
    action = _read(answer, dict)
    due, word = _iso_time(action.get("time")), str(action.get("action", ""))[:_LONGEST]
    yield {"kind": "interruption", "text": f"spot: {word} at {action.get('time', 'a time that was not told')}"[:_LONGEST], "due": due}


def _rebalance(connection):
    answer = _ask(connection, "meta-data/events/recommendations/rebalance")
    if answer:
        since = str(_read(answer, dict).get("noticeTime", ""))
        yield {"kind": "rebalance", "text": f"spot: rebalance recommended at {since}"[:_LONGEST], "due": 0.0}


def _maintenance(connection):
    answer = _ask(connection, "meta-data/events/maintenance/scheduled")
    for event in _read(answer, list) if answer else ():
        if not isinstance(event, dict) or event.get("State", "active") != "active" or event.get("Code") not in _ENDING:
            continue
        text = f"{event.get('Code', 'event')} not before {event.get('NotBefore', 'a time that was not told')}: {event.get('Description', '')}"
        yield {"kind": "retirement", "text": text[:_LONGEST], "due": _english_time(event.get("NotBefore"))}


def _read(text, kind):
    """Return what a JSON document holds. Raises ValueError when it is not of this kind."""
    found = json.loads(text)
    if not isinstance(found, kind):
        raise ValueError(f"the metadata service answered a {type(found).__name__}, not a {kind.__name__}")
    return found


def _ask(connection, path):
    """Return what the service answers, None when it has nothing of the kind. A token that is too old is replaced once."""
    for fresh in (False, True):
        headers = {"X-aws-ec2-metadata-token": _token(connection, fresh)}
        connection.request("GET", f"/latest/{path}", headers=headers)
        answer = connection.getresponse()
        text = answer.read(65536).decode("utf-8", "replace")
        if answer.status == 404:
            return None
        if answer.status == 200:
            return text
        if answer.status != 401:
            break
    raise OSError(f"the metadata service answered {answer.status} for {path}")


def _token(connection, fresh):
    if fresh or "dynamiccluster_node.token" not in __context__:
        connection.request("PUT", "/latest/api/token", headers={"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_LIFE)})
        answer = connection.getresponse()
        token = answer.read(4096).decode("ascii", "replace").strip()
        if answer.status != 200 or not token.isprintable():
            raise OSError(f"the metadata service answered {answer.status} for a token")
        __context__["dynamiccluster_node.token"] = token
    return __context__["dynamiccluster_node.token"]


def _iso_time(text):
    """Return the Unix time of `2026-01-31T12:00:00Z`, 0 for anything else."""
    return _read_time(text, "%Y-%m-%dT%H:%M:%SZ")


def _english_time(text):
    """Return the Unix time of `31 Jan 2026 12:00:00 GMT`, 0 for anything else."""
    return _read_time(text, "%d %b %Y %H:%M:%S GMT")


def _read_time(text, form):
    try:
        return float(calendar.timegm(time.strptime(str(text), form)))
    except ValueError:
        return 0.0
