"""What `validate` says of a resource: one finding for each thing looked at, whatever the cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import CloudError, ConfigurationError, Refusal
from ..ports import Finding
from . import userdata


def probe(resource: str, what: str, look: Callable[[], str], advice: Mapping[Refusal, str]) -> Finding:
    """Look; return what was found, or the failure and its remedy: the setting to correct, else the cloud's `advice` for its kind."""
    label = f"cloud {resource}: {what}"
    try:
        return Finding(label, True, look())
    except CloudError as error:
        remedy = f"correct {error.setting}" if error.setting else advice[error.kind]
        return Finding(label, False, str(error), remedy)


def check_user_data(resource: str, file: str | None, limit: userdata.Limit, prefix: str = "") -> tuple[Finding, ...]:
    """Render the resource's user-data with samples for the variables; nothing is returned where there is none.

    `prefix`: of the machines' names, where the cloud lets them name themselves.
    """
    if not file:
        return ()
    what, samples = f"cloud {resource}: userdata_file {file}", {name: name for name in userdata.VARIABLES}
    shared = bool(prefix) and userdata.names_itself(str(file))
    try:
        render = userdata.prepare_shared if shared else userdata.prepare
        text = render(str(file), {**samples, userdata.PREFIX: prefix} if shared else samples, limit=limit, resource=resource)
    except ConfigurationError as error:
        return (Finding(what, False, error.faults[0].problem, error.faults[0].hint),)
    return (Finding(what, True, f"{limit.measure(text)} of {limit}"),)
