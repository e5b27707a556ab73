"""Whose keys a call is signed with, as the endpoint sees it."""

from __future__ import annotations

import time

import pytest

from saltext.dynamiccluster.clouds.aws import Aws, Timeouts
from saltext.dynamiccluster.errors import CloudError, Refusal
from tests.contract.cloud_ec2 import Endpoint, error_document, settings

EMPTY = (200, b"<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>")
ROLE = "arn:aws:iam::123456789012:role/dynamiccluster"
EXPIRED = (400, error_document("ExpiredToken", "The security token included in the request is expired"))


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """Leave no credentials of this machine's own in reach."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


def aws(url: str, **more) -> Aws:
    return Aws("alpha", "one", settings(url, **more), timeouts=Timeouts(connect=30.0, read=30.0))


WITHOUT_KEYS = {"access_key_id": None, "secret_access_key": None}


def signer(headers: dict[str, str]) -> tuple[str, str]:
    """Return (access key, session token) of a request."""
    credential = headers["authorization"].partition("Credential=")[2]
    return credential.partition("/")[0], headers.get("x-amz-security-token", "")


def write_profile(path, key: str, token: str = "") -> None:
    more = f"aws_session_token = {token}\n" if token else ""
    (path / "credentials").write_text(f"[cluster]\naws_access_key_id = {key}\naws_secret_access_key = s3cret\n{more}", encoding="utf-8")


def role_answer(key: str, seconds: float = 3600) -> tuple[int, bytes]:
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    keys = f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>t-{key}</SessionToken><Expiration>{ends}</Expiration>"
    document = f"<AssumeRoleResponse><AssumeRoleResult><Credentials>{keys}</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    return 200, document.encode()


def test_keys_of_the_settings():
    with Endpoint(EMPTY) as endpoint:
        aws(endpoint.url).list()
        aws(endpoint.url, session_token="t0ken").list()
        assert [signer(one) for one in endpoint.headers] == [("AKIAIOSFODNN7EXAMPLE", ""), ("AKIAIOSFODNN7EXAMPLE", "t0ken")]


def test_a_profile(tmp_path):
    write_profile(tmp_path, "AKIAPROFILE")
    with Endpoint(EMPTY) as endpoint:
        aws(endpoint.url, **WITHOUT_KEYS, profile="cluster").list()
        assert signer(endpoint.headers[0]) == ("AKIAPROFILE", "")


def test_what_boto3_finds_by_itself(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with Endpoint(EMPTY) as endpoint:
        aws(endpoint.url, **WITHOUT_KEYS).list()
        assert signer(endpoint.headers[0]) == ("AKIAENVIRONMENT", "")


def test_a_profile_that_is_not_there_is_named():
    with pytest.raises(CloudError) as error:
        aws("http://127.0.0.1:1", **WITHOUT_KEYS, profile="nobody").list()
    assert (error.value.kind, error.value.certain) == (Refusal.UNAUTHORISED, True)
    assert error.value.setting.endswith(":profile")


class TestRole:
    def test_the_role_is_taken_on_with_the_keys_and_calls_are_signed_as_the_role(self):
        with Endpoint(role_answer("ASIAROLE")) as sts, Endpoint(EMPTY) as endpoint:
            cloud = aws(endpoint.url, role_arn=ROLE, role_external_id="physics", sts_endpoint_url=sts.url)
            cloud.list()
            cloud.list()
            assert [signer(one) for one in endpoint.headers] == [("ASIAROLE", "t-ASIAROLE")] * 2
            (asked,) = sts.requests
            assert signer(sts.headers[0])[0] == "AKIAIOSFODNN7EXAMPLE"
        assert (asked["Action"], asked["RoleArn"], asked["ExternalId"]) == ("AssumeRole", ROLE, "physics")

    def test_the_role_is_taken_on_with_a_profile(self, tmp_path):
        write_profile(tmp_path, "AKIAPROFILE")
        with Endpoint(role_answer("ASIAROLE")) as sts, Endpoint(EMPTY) as endpoint:
            aws(endpoint.url, **WITHOUT_KEYS, profile="cluster", role_arn=ROLE, sts_endpoint_url=sts.url).list()
            assert signer(sts.headers[0])[0] == "AKIAPROFILE"
            assert signer(endpoint.headers[0])[0] == "ASIAROLE"

    def test_its_keys_are_renewed_before_they_end(self):
        with Endpoint(role_answer("ASIAFIRST", 30), role_answer("ASIASECOND")) as sts, Endpoint(EMPTY) as endpoint:
            cloud = aws(endpoint.url, role_arn=ROLE, sts_endpoint_url=sts.url)
            cloud.list()
            cloud.list()
            assert signer(endpoint.headers[-1])[0] == "ASIASECOND"

    def test_a_role_that_is_refused_is_named_and_nothing_was_launched(self):
        refused = (403, error_document("AccessDenied", "not authorized to perform: sts:AssumeRole"))
        with Endpoint(refused) as sts, Endpoint(EMPTY) as endpoint:
            with pytest.raises(CloudError) as error:
                aws(endpoint.url, role_arn=ROLE, sts_endpoint_url=sts.url).destroy("i-1")
            assert endpoint.requests == []
        assert (error.value.kind, error.value.certain) == (Refusal.UNAUTHORISED, True)
        assert error.value.setting == "dynamiccluster:cloud:alpha:config:role_arn"

    @pytest.mark.parametrize("page", [b"<AssumeRoleResponse/>", b"<html><body>log in</body></html>", b"<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"])
    def test_an_answer_that_holds_no_keys_is_none_of_stss(self, page):
        with Endpoint((200, page)) as sts, Endpoint(EMPTY) as endpoint:
            with pytest.raises(CloudError) as error:
                aws(endpoint.url, role_arn=ROLE, sts_endpoint_url=sts.url).list()
            assert endpoint.requests == []
        assert error.value.kind is Refusal.UNREACHABLE

    def test_a_role_without_keys_to_begin_with_is_told(self):
        with pytest.raises(CloudError) as error:
            aws("http://127.0.0.1:1", **WITHOUT_KEYS, role_arn=ROLE).list()
        assert error.value.kind is Refusal.UNAUTHORISED


class TestExpired:
    def test_keys_that_somebody_renewed_in_the_profile_are_read_anew(self, tmp_path):
        write_profile(tmp_path, "ASIAOLD", "old")
        with Endpoint(EMPTY, EXPIRED, EMPTY) as endpoint:
            cloud = aws(endpoint.url, **WITHOUT_KEYS, profile="cluster")
            cloud.list()
            write_profile(tmp_path, "ASIANEW", "new")
            cloud.list()
            assert [signer(one) for one in endpoint.headers] == [("ASIAOLD", "old"), ("ASIAOLD", "old"), ("ASIANEW", "new")]

    def test_a_change_is_sent_again_too_for_nothing_was_done(self, tmp_path):
        write_profile(tmp_path, "ASIAOLD", "old")
        done = (200, b"<TerminateInstancesResponse><instancesSet/></TerminateInstancesResponse>")
        with Endpoint(EXPIRED, done) as endpoint:
            aws(endpoint.url, **WITHOUT_KEYS, profile="cluster").destroy("i-1")
            assert [one["Action"] for one in endpoint.requests] == ["TerminateInstances"] * 2

    def test_keys_that_stay_expired_are_refused_once_and_for_all(self):
        with Endpoint(EXPIRED) as endpoint:
            with pytest.raises(CloudError) as error:
                aws(endpoint.url, session_token="t0ken").destroy("i-1")
            assert len(endpoint.requests) == 2
        assert (error.value.kind, error.value.certain) == (Refusal.UNAUTHORISED, True)
        assert "t0ken" not in str(error.value)
