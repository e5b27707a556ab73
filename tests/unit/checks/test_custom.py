"""A site's own check: every answer of its contract, and every way in which it can be wrong."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.checks import make_check
from saltext.dynamiccluster.checks.custom import CustomCheck
from saltext.dynamiccluster.checks.port import PortCheck
from saltext.dynamiccluster.errors import ConfigurationError
from saltext.dynamiccluster.model import CheckResult, Verdict
from saltext.dynamiccluster.ports import Target
from saltext.dynamiccluster.settings import ConfigChecker

HERE = f"{__name__}."
TARGET = Target("dc-abc234", "host1", "10.0.0.7", "cloud1", 1.0)


class Says:
    """A check as a site writes it: gives the answer that it was made with."""

    def __init__(self, answer=None, secret=""):
        self.answer = answer

    def check(self, target):
        return self.answer(target) if callable(self.answer) else self.answer


class Silent:
    """Has no check method."""


class Broken:
    def __init__(self, **arguments):
        raise RuntimeError(f"cannot log in with {arguments}")


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (True, CheckResult(Verdict.READY)),
        (False, CheckResult(Verdict.WAITING)),
        (None, CheckResult(Verdict.WAITING)),
        ("ready", CheckResult(Verdict.READY)),
        ("failed", CheckResult(Verdict.FAILED)),
        (("failed", "no disk"), CheckResult(Verdict.FAILED, "no disk")),
        ((False, "3 of 4 mounts"), CheckResult(Verdict.WAITING, "3 of 4 mounts")),
        (Verdict.READY, CheckResult(Verdict.READY)),
        (CheckResult(Verdict.FAILED, "x"), CheckResult(Verdict.FAILED, "x")),
        (lambda target: target.address == "10.0.0.7", CheckResult(Verdict.READY)),
    ],
)
def test_answers_of_the_contract(answer, result):
    assert CustomCheck(f"{HERE}Says", {"answer": answer}).check(TARGET) == result


@pytest.mark.parametrize("answer", [1, 0, "yes", [], object(), ("ready", "a", "b"), b"ready", {"ready": True}])
def test_any_other_answer_is_an_error_not_a_guess(answer):
    with pytest.raises(TypeError, match="must be True, False"):
        CustomCheck(f"{HERE}Says", {"answer": answer}).check(TARGET)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("no.such.module.Check", {}, "cannot be imported"),
        (f"{HERE}Missing", {}, "cannot be imported"),
        (f"{HERE}Silent", {}, "has no method check"),
        (f"{HERE}Says", {"unknown": 1}, "cannot be made: TypeError"),
        (f"{HERE}Broken", {"password": "hunter2"}, "cannot be made: RuntimeError"),
    ],
)
def test_class_that_cannot_be_used_is_a_configuration_error_with_its_path(name, arguments, words):
    with pytest.raises(ConfigurationError) as caught:
        CustomCheck(name, arguments)
    assert words in str(caught.value) and "hunter2" not in str(caught.value)
    assert caught.value.faults[0].path.startswith("dynamiccluster:dynamic-cluster:config-checker:plugin:")


def test_check_is_made_as_the_settings_say():
    assert isinstance(make_check(ConfigChecker.model_validate({"port": {"number": 22}})), PortCheck)
    plugin = {"plugin": {"name": f"{HERE}Says", "arguments": {"answer": True}}}
    assert make_check(ConfigChecker.model_validate(plugin)).check(TARGET).verdict is Verdict.READY
