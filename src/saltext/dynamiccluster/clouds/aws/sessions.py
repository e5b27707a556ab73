"""Who we are to AWS: keys of the settings, a profile, or what boto3 finds by itself (environment, instance role); with them, perhaps, a role."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, CredentialProvider, CredentialResolver, Credentials, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError
from botocore.parsers import ResponseParserError
from pydantic import SecretStr

from ...settings.aws import AwsSettings

# One for all resources: EC2's description is large, and reading it anew takes a fifth of a second each time.
_MODELS = botocore.loaders.create_loader()
_SESSION_NAME = "dynamiccluster"


def reveal(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def make_client(settings: AwsSettings, *, connect: float, read: float, attempts: int) -> Any:
    """Return a client of EC2, with a session of its own: nothing that an older one had found out about keys is in it.

    `connect` and `read` are time-outs in seconds, `attempts` how often a call is sent at most. Raises botocore's errors.
    """
    session = botocore.session.Session(profile=settings.profile)
    session.register_component("data_loader", _MODELS)
    common = {
        "region_name": settings.region_name,
        "verify": None if settings.validate_certs else False,  # None: certificates are checked, AWS_CA_BUNDLE is honoured
        "config": Config(
            connect_timeout=connect,
            read_timeout=read,
            retries={"mode": "standard", "total_max_attempts": attempts},
            proxies={"http": settings.proxy_url, "https": settings.proxy_url} if settings.proxy_url else None,
            user_agent_extra="dynamiccluster",
        ),
    }
    if settings.role_arn:
        _take_on_role(session, settings, partial(session.create_client, endpoint_url=settings.sts_endpoint_url, **common))
        return session.create_client("ec2", endpoint_url=settings.endpoint_url, **common)
    return session.create_client("ec2", endpoint_url=settings.endpoint_url, **common, **_keys(settings))


def _keys(settings: AwsSettings) -> dict[str, str | None]:
    return {
        "aws_access_key_id": settings.access_key_id,
        "aws_secret_access_key": reveal(settings.secret_access_key) or None,
        "aws_session_token": reveal(settings.session_token) or None,
    }


def _take_on_role(session: botocore.session.Session, settings: AwsSettings, make_sts: Callable[..., Any]) -> None:
    """Let the session have the role's keys only. They are asked for at the first call, and renewed before they end."""
    source = _found_keys(settings) if settings.access_key_id is None else _given_keys(settings)
    if source is None:
        raise NoCredentialsError()
    more = {"RoleSessionName": _SESSION_NAME, **({"ExternalId": settings.role_external_id} if settings.role_external_id else {})}
    fetcher = AssumeRoleCredentialFetcher(make_sts, source, settings.role_arn, extra_args=more)
    credentials = DeferredRefreshableCredentials(method="assume-role", refresh_using=partial(_fetch, fetcher))
    session.register_component("credential_provider", CredentialResolver([_Given(credentials)]))


def _fetch(fetcher: AssumeRoleCredentialFetcher) -> dict[str, Any]:
    """Ask STS for the role's keys. An answer that holds none is none of STS's, whatever else it may be."""
    try:
        keys: dict[str, Any] = fetcher.fetch_credentials()
    except KeyError:
        raise ResponseParserError("the answer to AssumeRole holds no keys") from None
    return keys


def _found_keys(settings: AwsSettings) -> Any:
    """Return what a session of its own finds: the one that takes on the role must not remember these."""
    return botocore.session.Session(profile=settings.profile).get_credentials()


def _given_keys(settings: AwsSettings) -> Credentials:
    return Credentials(settings.access_key_id, reveal(settings.secret_access_key), reveal(settings.session_token) or None)


class _Given(CredentialProvider):
    """Provides the credentials that it was made with."""

    METHOD = "assume-role"
    CANONICAL_NAME = None

    def __init__(self, credentials: Any):
        super().__init__()
        self._credentials = credentials

    def load(self) -> Any:
        return self._credentials
