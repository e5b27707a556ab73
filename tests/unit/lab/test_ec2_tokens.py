"""The EC2 front gives what real EC2 gives for a client token, which moto ignores."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.ec2_messages import Answer, Request, error
from lab.ec2_tokens import ClientTokens


class CountingCloud:
    """Makes one numbered instance for each call that reaches it."""

    def __init__(self) -> None:
        self.calls = 0
        self.failing = 0
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        with self._lock:
            self.calls += 1
            if self.failing:
                self.failing -= 1
                return error(503, "Unavailable", "not now")
            return Answer(200, {}, f"i-{self.calls}".encode())


def call(token: str = "t1", action: str = "RunInstances", key: str = "A", region: str = "r1", **parameters: str) -> Request:
    authorization = f"AWS4-HMAC-SHA256 Credential={key}/20300101/{region}/ec2/aws4_request, SignedHeaders=host, Signature=00"
    everything = {"Action": action, "ImageId": "ami-1", **parameters}
    if token:
        everything["ClientToken"] = token
    return Request("POST", "/", {"authorization": authorization}, b"", everything)


@pytest.fixture
def cloud() -> CountingCloud:
    return CountingCloud()


def test_a_repeated_call_gets_the_first_answer(cloud):
    tokens = ClientTokens()
    assert tokens(call(), cloud) == tokens(call(), cloud) == Answer(200, {}, b"i-1")
    assert cloud.calls == 1


@pytest.mark.parametrize(
    "other",
    [call(token="t2"), call(token=""), call(key="B"), call(region="r2"), call(action="CreateFleet")],
    ids=["another token", "no token", "another account", "another region", "another action"],
)
def test_what_is_another_call(cloud, other):
    tokens = ClientTokens()
    tokens(call(), cloud)
    assert tokens(other, cloud).body == b"i-2"


@pytest.mark.parametrize("change", [{"ImageId": "ami-2"}, {"UserData": "x"}, {"TagSpecification.1.Tag.1.Value": "n2"}])
def test_other_parameters_with_the_same_token_are_refused_and_launch_nothing(cloud, change):
    tokens = ClientTokens()
    tokens(call(), cloud)
    answer = tokens(call(**change), cloud)
    assert answer.status == 400
    assert b"<Code>IdempotentParameterMismatch</Code>" in answer.body
    assert cloud.calls == 1


def test_a_failed_call_uses_up_no_token(cloud):
    tokens = ClientTokens()
    cloud.failing = 1
    assert tokens(call(), cloud).status == 503
    assert tokens(call(ImageId="ami-2"), cloud).body == b"i-2"


def test_a_dry_run_uses_up_no_token(cloud):
    tokens = ClientTokens()
    tokens(call(DryRun="true"), cloud)
    assert tokens(call(), cloud).body == b"i-2"


def test_calls_at_the_same_time_make_one_instance(cloud):
    tokens = ClientTokens()
    gate = threading.Barrier(8)

    def together(_: int) -> bytes:
        gate.wait(60)
        return tokens(call(), cloud).body

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(together, range(8))) == {b"i-1"}
    assert cloud.calls == 1


def test_signing_again_is_the_same_call(cloud):
    tokens = ClientTokens()
    tokens(call(**{"X-Amz-Date": "1"}), cloud)
    assert tokens(call(**{"X-Amz-Date": "2"}), cloud).body == b"i-1"
