from __future__ import annotations

import pytest

from tests.unit.settings.build import ABSENT, faults, loaded

CONFIG = "cloud:private:config"
APPLICATION = {"application_credential_id": "id", "application_credential_secret": "secret"}
NO_USER = {"username": ABSENT, "password": ABSENT, "project": ABSENT}


def changes(**values):
    return {f"{CONFIG}:{key}": value for key, value in values.items()}


def test_a_user_with_password():
    config = loaded().cloud["private"].config
    assert config.password.get_secret_value() == "pass-word"
    assert config.user_domain_name == "Default"


def test_an_application_credential():
    config = loaded(changes(**APPLICATION, **NO_USER)).cloud["private"].config
    assert config.application_credential_secret.get_secret_value() == "secret" and config.username is None


def test_an_image_by_name():
    config = loaded(changes(image="debian-12", image_uuid=ABSENT)).cloud["private"].config
    assert (config.image, config.image_uuid, config.interface) == ("debian-12", None, "public")


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        (NO_USER, {"username", "password", "project"}),
        ({"password": ABSENT}, {"password"}),
        (APPLICATION, {"username", "password", "project"}),
        (NO_USER | {"application_credential_id": "id"}, {"application_credential_secret"}),
        ({"password": "a\nb"}, {"password"}),
        ({"password": 12}, {"password"}),
        ({"image_uuid": "debian-12"}, {"image_uuid"}),
        ({"image_uuid": ABSENT}, {"image_uuid"}),
        ({"image": "debian-12"}, {"image_uuid"}),
        ({"interface": "intern"}, {"interface"}),
        ({"gpu_resources": "VGPU"}, {"gpu_resources"}),
        ({"flavor": 2}, {"flavor"}),
        ({"auth_url": ABSENT}, {"auth_url"}),
        ({"metadata": {"dynamiccluster:cluster": "x"}}, {"metadata"}),
        ({"metadata": {"x": "y" * 256}}, {"metadata"}),
        ({"networks": ["a", "a"]}, {"networks"}),
        ({"cacert": "ca.pem"}, {"cacert"}),
    ],
)
def test_what_does_not_fit_together(values, paths):
    assert set(faults(changes(**values))) == {f"{CONFIG}:{path}" for path in paths}
