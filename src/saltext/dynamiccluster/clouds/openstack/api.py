"""Calls of Nova, Glance and Neutron: reads connect anew once, changes are sent once, and every failure is a CloudError."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import novaclient.client
from keystoneauth1 import exceptions as keystone
from keystoneauth1.session import Session
from novaclient import exceptions as nova
from novaclient.api_versions import APIVersion, discover_version
from pydantic import SecretStr

from ...errors import CloudError, Refusal
from ...settings.openstack import OpenStackSettings
from .refusals import ADVICE, Meaning, classify
from .session import make_session

_T = TypeVar("_T")
_NEWEST = APIVersion("2.90")  # the newest that this was written for; an older cloud is spoken to as it can
_PLAIN = APIVersion("2.1")
_LONGEST_TEXT = 400
_URL_USER = re.compile(r"//[^/@\s]+@")
_VALUE = re.compile(r"(for field/attribute user_data\.).*", re.IGNORECASE | re.DOTALL)  # Nova quotes the whole value
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{100,}")
_ANSWERED = (nova.ClientException, keystone.HttpError)
_NO_ENTRY = (keystone.AuthorizationFailure, keystone.AuthPluginException, keystone.MissingAuthMethods)
_NO_ANSWER = (keystone.ConnectionError, keystone.RetriableConnectionFailure)
_STRANGE = (keystone.DiscoveryFailure, keystone.InvalidResponse)
# What novaclient raises when an answer is not what Nova answers.
_MALFORMED = (KeyError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect and for each wait for an answer (`call`), and for all pages of one listing together.

    `settle`: how long after a lost answer to a launch its server is looked for before the cloud is asked for one again. It is longer than
    any queue in front of Nova keeps a request.
    """

    call: float = 30.0
    listing: float = 120.0
    settle: float = 120.0


class NovaError(CloudError):
    """A failed call. `status` is the HTTP status, 0 when there was no answer."""

    def __init__(self, message: str, kind: Refusal, *, certain: bool, setting: str = "", status: int = 0, retry_after: float = 0.0):
        self.status = status
        super().__init__(message, kind, certain=certain, setting=setting, retry_after=retry_after)


class Api:
    """One resource's way to its cloud. Safe to use from several threads."""

    def __init__(self, resource: str, settings: OpenStackSettings, timeouts: Timeouts, session: Session | None = None):
        self.resource = resource
        self._settings = settings
        self.session = session or make_session(settings, timeouts.call)
        self._clients: dict[bool, Any] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of resource {self.resource}>"

    def path(self, key: str) -> str:
        """Return the pillar path of a key of the resource's `config`, "" for ""."""
        if key == "image_uuid" and self._settings.image is not None:
            key = "image"
        return f"dynamiccluster:cloud:{self.resource}:config:{key}" if key else ""

    def refused(self, doing: str, why: str, key: str = "", kind: Refusal = Refusal.BAD_REQUEST) -> CloudError:
        """Return the error that says what we found out ourselves; `key` is the key of `config` at fault."""
        setting = self.path(key)
        where = f"; see {setting}" if setting else ""
        return CloudError(f"resource {self.resource}: could not {doing}: {self._clean(why)}{where}", kind, setting=setting)

    def read(self, doing: str, call: Callable[[Any], _T]) -> _T:
        """Call something that changes nothing, with Nova's client. `doing` completes "could not ..." in the error's text."""
        return self._guard(doing, False, lambda: call(self._client(False)))

    def change(self, doing: str, call: Callable[[Any], _T]) -> _T:
        """Call something that changes something, once: who calls decides whether to ask again."""
        self._guard(doing, False, lambda: self._client(True))  # nothing is asked for before this is there
        return self._guard(doing, True, lambda: call(self._client(True)))

    def fetch(self, service: str, path: str, doing: str) -> Mapping[str, Any]:
        """Return a document of another service: Glance (`image`) or Neutron (`network`). `path` begins with its version."""
        return self._guard(doing, False, lambda: dict(self._fetch(service, path)))

    def version(self) -> APIVersion:
        """Return the microversion that is spoken with this cloud."""
        return self.read("learn what Nova speaks", lambda client: client.api_version)

    # -- inside -------------------------------------------------------------------------------------------------

    def _fetch(self, service: str, path: str) -> Mapping[str, Any]:
        where = {"service_type": service, **self._where()}
        # The catalog has the address with or without the version.
        base = str(self.session.get_endpoint(**where) or "").rstrip("/")
        if not base:
            raise keystone.EndpointNotFound(f"the catalog has no {service} service")
        for version in ("/v2.0", "/v2"):
            base = base.removesuffix(version)
        answer = self.session.get(base + path, connect_retries=1, headers={"Accept": "application/json"})
        return answer.json()  # type: ignore[no-any-return]

    def _where(self) -> dict[str, str]:
        region = self._settings.region_name
        return {"interface": self._settings.interface, **({"region_name": region} if region else {})}

    def _client(self, changes: bool) -> Any:
        with self._lock:
            if changes not in self._clients:
                self._check_project()
                version = self._negotiate()
                self._clients.update({some: self._make_client(version, retries=0 if some else 1) for some in (True, False)})
            return self._clients[changes]

    def _check_project(self) -> None:
        """Raise CloudError when the credentials are for another project than the one that the settings name: there nothing of ours is found."""
        wanted = (self._settings.project_id or "").replace("-", "").lower()
        if wanted and wanted != (found := str(self.session.get_project_id() or "")):
            raise self.refused("sign in", f"the credentials are for the project {found}", "project_id", Refusal.UNAUTHORISED)

    def _negotiate(self) -> APIVersion:
        found = discover_version(self._make_client(_PLAIN, retries=1), APIVersion("2.latest"))
        return min(found, _NEWEST)

    def _make_client(self, version: APIVersion, *, retries: int) -> Any:
        where = self._where()
        return novaclient.client.Client(
            version, session=self.session, endpoint_type=where["interface"], region_name=where.get("region_name"), connect_retries=retries
        )

    def _guard(self, doing: str, changes: bool, call: Callable[[], _T]) -> _T:
        # "from None": the original error may hold user-data or a password in its text.
        try:
            return call()
        except _ANSWERED as error:
            raise self._answered(error, doing, changes) from None
        except keystone.ClientException as error:
            raise self._unanswered(error, doing, changes) from None
        except nova.UnsupportedVersion as error:
            raise self._error(doing, f"Nova's version: {error}", Meaning(Refusal.BAD_REQUEST, "auth_url"), True) from None
        except OSError as error:  # requests, before it connects: the file of certificates cannot be read
            meaning = Meaning(Refusal.BAD_REQUEST, "cacert") if self._settings.cacert else Meaning(Refusal.UNREACHABLE)
            raise self._error(doing, str(error), meaning, not changes or bool(self._settings.cacert)) from None
        except _MALFORMED:
            text = "the answer is not OpenStack's; some other server or a proxy answered"
            raise self._error(doing, text, Meaning(Refusal.UNREACHABLE, "auth_url"), not changes) from None

    def _answered(self, error: Any, doing: str, changes: bool) -> NovaError:
        status = int(getattr(error, "code", 0) or getattr(error, "http_status", 0) or 0)
        text = str(error.message or "")
        at_keystone = "/auth/tokens" in str(getattr(error, "url", "") or "")
        meaning = _at_keystone(status) if at_keystone else classify(status, text)
        who = "Keystone" if at_keystone else "the cloud"
        # A server that broke down may have done it all the same; one that refused has not.
        certain = not changes or at_keystone or status < 500
        said = f"{who} answered {status}: {text}"
        return self._error(doing, said, meaning, certain, status, float(getattr(error, "retry_after", 0) or 0))

    def _unanswered(self, error: Exception, doing: str, changes: bool) -> NovaError:
        if isinstance(error, keystone.EndpointNotFound):
            region = self._settings.region_name
            text = f"the cloud's catalog has no such service{f' in the region {region}' if region else ''} ({error})"
            return self._error(doing, text, Meaning(Refusal.BAD_REQUEST, "region_name"), True)
        if isinstance(error, _NO_ENTRY):
            return self._error(doing, str(error), Meaning(Refusal.UNAUTHORISED, self._who()), True)
        if isinstance(error, keystone.SSLError):
            return self._error(doing, str(error), Meaning(Refusal.UNREACHABLE, "cacert"), not changes)
        if isinstance(error, _STRANGE):
            return self._error(doing, str(error), Meaning(Refusal.UNREACHABLE, "auth_url"), not changes)
        if isinstance(error, _NO_ANSWER):
            return self._error(doing, str(error), Meaning(Refusal.UNREACHABLE), not changes)
        return self._error(doing, f"{type(error).__name__}: {error}", Meaning(Refusal.FAILED), not changes)

    def _error(self, doing: str, text: str, meaning: Meaning, certain: bool, status: int = 0, retry_after: float = 0.0) -> NovaError:
        key = meaning.setting or (self._who() if meaning.kind is Refusal.UNAUTHORISED and status == 401 else "")
        setting = self.path(key)
        advice = f"correct {setting}" if setting and meaning.kind is Refusal.BAD_REQUEST else ADVICE[meaning.kind]
        message = f"resource {self.resource}: could not {doing}: {self._clean(text)} ({advice})"
        return NovaError(message, meaning.kind, certain=certain, setting=setting, status=status, retry_after=retry_after)

    def _who(self) -> str:
        return "application_credential_id" if self._settings.application_credential_id else "username"

    def _clean(self, text: str) -> str:
        """Return one line, cut, without secrets and without what Nova quotes of the user-data."""
        for secret in (self._settings.password, self._settings.application_credential_secret):
            revealed = _reveal(secret)
            text = text.replace(revealed, "***") if revealed else text
        text = _ENCODED.sub("...", _VALUE.sub(r"\1", _URL_USER.sub("//***@", text)))
        text = " ".join(text.split())
        return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."


def _at_keystone(status: int) -> Meaning:
    """Return what Keystone's refusal to sign us in means."""
    if status in (401, 403):
        return Meaning(Refusal.UNAUTHORISED)
    if status == 429:
        return Meaning(Refusal.THROTTLED)
    return Meaning(Refusal.FAILED) if status >= 500 else Meaning(Refusal.BAD_REQUEST, "auth_url")


def _reveal(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
