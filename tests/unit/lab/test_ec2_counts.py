"""As many machines as EC2 would make."""

from __future__ import annotations

import pytest

from lab.ec2_counts import Counts
from lab.ec2_messages import Answer, Request, read_parameters

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({"Action": "RunInstances", "MinCount": "1", "MaxCount": "7", "UserData": "a+b=&c"}, "7"),
        ({"Action": "RunInstances", "MinCount": "2", "MaxCount": "2"}, "2"),
        ({"Action": "RunInstances", "MinCount": "3"}, "3"),
        ({"Action": "DescribeInstances", "MinCount": "1", "MaxCount": "7"}, "1"),
    ],
)
def test_the_most_is_asked_for_and_nothing_else_is_changed(given, asked):
    seen: list[Request] = []

    def forward(request: Request) -> Answer:
        seen.append(request)
        return Answer(200, {}, b"")

    Counts()(Request("POST", "/", {"content-type": FORM}, b"", given), forward)
    assert seen[0].parameters == {**given, "MinCount": asked}
    if seen[0].body:
        assert read_parameters("/", seen[0].body, FORM) == seen[0].parameters
