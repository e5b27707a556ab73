"""Calls of the EC2 API: two clients (reads repeat themselves once, changes never), and every failure as a CloudError."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    EndpointProviderError,
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    SSLError,
    TokenRetrievalError,
)
from botocore.exceptions import (
    ConnectionError as NoConnection,
)
from botocore.parsers import ResponseParserError

from ...errors import CloudError, Refusal
from ...settings.aws import AwsSettings
from .pace import pace_of
from .refusals import ADVICE, Meaning, classify, name_quota
from .sessions import make_client, reveal

_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    ProfileNotFound,
)
_LONGEST_TEXT = 400
_LONGEST_TURN = 15.0  # seconds that a call waits for its turn at most, in an account that was too fast
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_URL_USER = re.compile(r"//[^/@\s]+@")
_ENCODED = re.compile(r"Encoded authorization failure message: \S+")

# At DEBUG botocore logs whole requests: user-data, and the one-time token in it.
logging.getLogger("botocore").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, to wait for an answer, and for all pages of one listing together."""

    connect: float = 5.0
    read: float = 30.0
    listing: float = 120.0


class EC2Error(CloudError):
    """A failed call. `code` is EC2's own word for it, "" when EC2 did not answer."""

    def __init__(
        self, message: str, kind: Refusal, *, certain: bool, setting: str = "", code: str = "", offerings: tuple[str, ...] = ()
    ):
        self.code = code
        super().__init__(message, kind, certain=certain, setting=setting, offerings=offerings)


class Api:
    """The EC2 API as one resource's settings reach it. Safe to use from several threads."""

    def __init__(self, resource: str, settings: AwsSettings, timeouts: Timeouts, client: Any = None):
        self.resource = resource
        self._settings = settings
        self._timeouts = timeouts
        self._clients: dict[bool, Any] = {} if client is None else {True: client, False: client}
        self._given = client is not None
        self._pace = pace_of(settings.account)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of resource {self.resource}>"

    def path(self, key: str) -> str:
        """Return the pillar path of a key of the resource's `config`, "" for ""."""
        for one, several in (("instance_type", "instance_types"), ("subnet_id", "subnet_ids")):
            key = several if key == one and getattr(self._settings, several) else key
        return f"dynamiccluster:cloud:{self.resource}:config:{key}" if key else ""

    def refused(self, doing: str, why: str, key: str = "", kind: Refusal = Refusal.BAD_REQUEST) -> CloudError:
        """Return the error that says what we found out ourselves; `key` is the key of `config` at fault."""
        setting = self.path(key)
        where = f"; see {setting}" if setting else ""
        return CloudError(f"resource {self.resource}: could not {doing}: {why}{where}", kind, setting=setting)

    def read(self, operation: str, doing: str, **arguments: Any) -> dict[str, Any]:
        """Call an operation that changes nothing. `doing` completes "could not ..." in the error's text."""
        return self._call(operation, doing, False, arguments)

    def change(self, operation: str, doing: str, **arguments: Any) -> dict[str, Any]:
        """Call an operation that changes something, once: who calls decides whether to ask again."""
        return self._call(operation, doing, True, arguments)

    def pages(self, operation: str, doing: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Yield all pages of a listing. Raises EC2Error when a page fails, never stops half-way in silence."""
        ends = time.monotonic() + self._timeouts.listing
        seen: set[str] = set()
        token = ""
        while True:
            page = self.read(operation, doing, **arguments, **({"NextToken": token} if token else {}))
            yield page
            token = page.get("NextToken") or ""
            if not token:
                return
            if token in seen:
                raise self._error(doing, "the pages of the listing go round in a circle", Meaning(Refusal.FAILED), True)
            if time.monotonic() > ends:
                text = f"the listing was not complete after {self._timeouts.listing:g} s"
                raise self._error(doing, text, Meaning(Refusal.UNREACHABLE), True)
            seen.add(token)

    # -- inside -------------------------------------------------------------------------------------------------

    def _call(self, operation: str, doing: str, changes: bool, arguments: dict[str, Any]) -> dict[str, Any]:
        if not self._pace.wait(_LONGEST_TURN):
            text = f"the account's limit of requests is used up, and this one would come only after {_LONGEST_TURN:g} s"
            raise self._error(doing, text, Meaning(Refusal.THROTTLED), True)
        # "from None": the original error may hold user-data or a proxy's password in its text.
        try:
            return self._send(operation, changes, arguments)
        except ClientError as error:
            raise self._answered(error, doing, changes) from None
        except (BotoCoreError, ResponseParserError, ValueError) as error:
            raise self._unanswered(error, doing, changes) from None

    def _send(self, operation: str, changes: bool, arguments: dict[str, Any]) -> dict[str, Any]:
        """Send a call; once more with credentials found anew, when EC2 says that the ones at hand have expired (so it did nothing)."""
        client = self._client(changes)
        try:
            return getattr(client, operation)(**arguments)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _EXPIRED:
                raise
        self._forget(changes, client)
        return getattr(self._client(changes), operation)(**arguments)

    def _forget(self, changes: bool, client: Any) -> None:
        with self._lock:
            if self._clients.get(changes) is client and not self._given:
                del self._clients[changes]

    def _client(self, changes: bool) -> Any:
        # Made at the first call: looking for credentials may itself ask the metadata service.
        with self._lock:
            if changes not in self._clients:
                times = {"connect": self._timeouts.connect, "read": self._timeouts.read}
                self._clients[changes] = make_client(self._settings, attempts=1 if changes else 2, **times)
            return self._clients[changes]

    def _answered(self, error: ClientError, doing: str, changes: bool) -> EC2Error:
        details = error.response.get("Error", {})
        code, text = str(details.get("Code", "")), str(details.get("Message", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        meaning = classify(code, status, text)
        if meaning.kind is Refusal.THROTTLED:
            self._pace.slow_down()
        if error.operation_name == "AssumeRole":  # asked for on the way to the call itself, which was never sent
            meaning, changes = Meaning(meaning.kind, "role_arn"), False
        # A server that broke down may have done it all the same; one that refused has not.
        certain = not changes or status < 500 or meaning.kind in (Refusal.THROTTLED, Refusal.NO_CAPACITY)
        return self._error(doing, f"EC2 answered {code}: {text}", meaning, certain, code)

    def _unanswered(self, error: Exception, doing: str, changes: bool) -> EC2Error:
        if isinstance(error, _NO_CREDENTIALS):
            setting = "profile" if self._settings.profile else "role_arn" if self._settings.role_arn else "access_key_id"
            return self._error(doing, str(error), Meaning(Refusal.UNAUTHORISED, setting), True)
        if isinstance(error, (NoRegionError, InvalidRegionError, EndpointProviderError)):
            return self._error(doing, str(error), Meaning(Refusal.BAD_REQUEST, "region_name"), True)
        if isinstance(error, ParamValidationError):  # its text quotes the values, user-data among them
            text = "a value has the wrong type or length"
            if "Unknown parameter in" in str(error):
                text = "this boto3 is too old to know a parameter of the call; salt-pip install -U boto3, then restart the salt-master"
            return self._error(doing, text, Meaning(Refusal.BAD_REQUEST), True)
        if isinstance(error, ValueError):
            return self._error(doing, str(error), Meaning(Refusal.BAD_REQUEST, "endpoint_url"), True)
        if isinstance(error, ProxyConnectionError):
            return self._error(doing, str(error), Meaning(Refusal.UNREACHABLE, "proxy"), not changes)
        if isinstance(error, SSLError):
            return self._error(doing, str(error), Meaning(Refusal.UNREACHABLE, "validate_certs"), not changes)
        if isinstance(error, ResponseParserError):  # its text quotes the whole page
            text = "the answer is not EC2's; some other server or a proxy answered"
            return self._error(doing, text, Meaning(Refusal.UNREACHABLE, "endpoint_url"), not changes)
        if isinstance(error, (HTTPClientError, NoConnection)):
            return self._error(doing, str(error), Meaning(Refusal.UNREACHABLE), not changes)
        return self._error(doing, f"{type(error).__name__}: {error}", Meaning(Refusal.FAILED), not changes)

    def failed(self, doing: str, text: str, meaning: Meaning, code: str, offerings: tuple[str, ...]) -> EC2Error:
        """Return the error of a call that EC2 took, and in whose answer it says that it made nothing."""
        error = self._error(doing, text, meaning, True, code)
        error.offerings = offerings
        return error

    def _error(self, doing: str, text: str, meaning: Meaning, certain: bool, code: str = "") -> EC2Error:
        setting = self.path(meaning.setting)
        advice = f"correct {setting}" if setting and meaning.kind is Refusal.BAD_REQUEST else ADVICE[meaning.kind]
        if meaning.kind is Refusal.QUOTA and (quota := name_quota(code)):
            advice = f"used up: {quota}; {advice}"
        message = f"resource {self.resource}: could not {doing}: {self._clean(text)} ({advice})"
        return EC2Error(message, meaning.kind, certain=certain, setting=setting, code=code)

    def _clean(self, text: str) -> str:
        """Return one line, cut, without keys and passwords."""
        known = self._settings
        for secret in (reveal(known.secret_access_key), reveal(known.session_token), known.access_key_id, known.role_external_id):
            text = text.replace(secret, "***") if secret else text
        text = _ENCODED.sub("", _URL_USER.sub("//***@", text))
        text = " ".join(text.split())
        return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."
