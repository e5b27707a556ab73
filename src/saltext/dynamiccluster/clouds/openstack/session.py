"""Signing in at Keystone: one session a resource. It renews its token by itself, before it ends and when a service refuses it."""

from __future__ import annotations

import logging
from importlib.metadata import version

from keystoneauth1.identity.v3 import ApplicationCredential, Password
from keystoneauth1.plugin import BaseAuthPlugin
from keystoneauth1.session import Session

from ...settings.openstack import OpenStackSettings

# At DEBUG these log whole requests: user-data, and the one-time token in it.
for _name in ("keystoneauth", "novaclient"):
    logging.getLogger(_name).setLevel(logging.INFO)


def make_session(settings: OpenStackSettings, timeout: float) -> Session:
    """Return a session that is not signed in yet. `timeout` in seconds: to connect, and for each wait for an answer."""
    verify = settings.cacert or True
    return Session(auth=_plugin(settings), verify=verify, timeout=timeout, user_agent=f"dynamiccluster keystoneauth1/{version('keystoneauth1')}")


def identity_url(auth_url: str) -> str:
    """Return the address of Keystone's third version, which is asked for in several ways: with /v3, with /v2.0, without either."""
    base = auth_url.rstrip("/")
    for ending in ("/v3", "/v2.0"):
        base = base.removesuffix(ending)
    return f"{base}/v3"


def _plugin(settings: OpenStackSettings) -> BaseAuthPlugin:
    url = identity_url(settings.auth_url)
    if settings.application_credential_id is not None:
        assert settings.application_credential_secret is not None
        secret = settings.application_credential_secret.get_secret_value()
        return ApplicationCredential(url, application_credential_id=settings.application_credential_id, application_credential_secret=secret)
    assert settings.password is not None
    return Password(
        url,
        username=settings.username,
        password=settings.password.get_secret_value(),
        user_domain_name=settings.user_domain_name,
        project_name=settings.project,
        project_domain_name=settings.project_domain_name,
    )
