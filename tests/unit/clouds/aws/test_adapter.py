"""The adapter against an endpoint that answers, over HTTP, what EC2 would."""

from __future__ import annotations

import base64
import logging

import pytest

from saltext.dynamiccluster.clouds.aws import Aws, Timeouts
from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import InstanceState, LaunchOrder
from tests.contract.cloud_ec2 import SECRET, Endpoint, error_document, free_port, settings, silent_port

ORDER = LaunchOrder("intent-1", "wn-a", "user-data with t0ken", 0.0)
PATIENT = Timeouts(connect=30.0, read=30.0, listing=60.0)
HASTY = Timeouts(connect=1.0, read=0.3, listing=30.0)  # for those that never answer
OURS = {"Name": "wn-a", "dynamiccluster:cluster": "one", "dynamiccluster:resource": "alpha", "dynamiccluster:intent": "intent-1"}
TYPES = (200, b"<DescribeInstanceTypesResponse><instanceTypeSet/></DescribeInstanceTypesResponse>")


def machine(id_: str, state: str = "running", tags: dict[str, str] = OURS) -> str:
    named = "".join(f"<item><key>{key}</key><value>{value}</value></item>" for key, value in tags.items())
    return (
        f"<item><instanceId>{id_}</instanceId><instanceState><name>{state}</name></instanceState><tagSet>{named}</tagSet></item>"
    )


def listing(*machines: str, token: str = "") -> tuple[int, bytes]:
    reservations = "".join(f"<item><instancesSet>{one}</instancesSet></item>" for one in machines)
    more = f"<nextToken>{token}</nextToken>" if token else ""
    document = f"<DescribeInstancesResponse><reservationSet>{reservations}</reservationSet>{more}</DescribeInstancesResponse>"
    return 200, document.encode()


def refusal(status: int, code: str, text: str = "as told") -> tuple[int, bytes]:
    return status, error_document(code, text)


def aws(url: str, timeouts: Timeouts = PATIENT, **more) -> Aws:
    return Aws("alpha", "one", settings(url, **more), timeouts=timeouts)


class TestSettings:
    def test_no_representation_holds_a_secret(self):
        cloud = aws("http://127.0.0.1:1", proxy="http://user:pa55@127.0.0.1:3128")
        assert SECRET not in repr(cloud) + repr(cloud.api) and "pa55" not in repr(cloud) + repr(cloud.api)


class TestListing:
    def test_all_pages_are_read_and_a_repeated_machine_is_one(self):
        pages = [listing(machine("i-1"), machine("i-2"), token="t1"), listing(machine("i-2"), machine("i-3"))]
        with Endpoint(*pages, listing()) as endpoint:
            assert [instance.id for instance in aws(endpoint.url).list()] == ["i-1", "i-2", "i-3"]
            assert endpoint.requests[1]["NextToken"] == "t1"

    def test_s34_a_page_that_fails_fails_the_listing(self):
        with Endpoint(listing(machine("i-1"), token="t1"), refusal(500, "InternalError")) as endpoint:
            with pytest.raises(CloudError) as error:
                aws(endpoint.url).list()
        assert error.value.kind is Refusal.FAILED

    def test_pages_in_a_circle_end_in_an_error(self):
        with Endpoint(listing(machine("i-1"), token="t1")) as endpoint:
            with pytest.raises(CloudError, match="circle"):
                aws(endpoint.url).list()
            assert len(endpoint.requests) == 2

    @pytest.mark.thorough
    def test_an_endless_listing_ends_at_its_deadline(self):
        with Endpoint(*(listing(machine("i-1"), token=f"t{number}") for number in range(5000))) as endpoint:
            cloud = Aws("alpha", "one", settings(endpoint.url), timeouts=Timeouts(listing=0.3))
            with pytest.raises(CloudError, match="not complete") as error:
                cloud.list()
        assert error.value.kind is Refusal.UNREACHABLE

    @pytest.mark.parametrize("other", [{}, {**OURS, "dynamiccluster:cluster": "two"}, {**OURS, "dynamiccluster:resource": "alph"}])
    def test_defect_what_ec2_lists_too_much_is_left_out(self, other):
        with Endpoint(listing(machine("i-1", tags=other), machine("i-2")), TYPES) as endpoint:
            assert [instance.id for instance in aws(endpoint.url).list()] == ["i-2"]

    def test_defect_the_filter_matches_only_itself(self):
        with Endpoint(listing()) as endpoint:
            Aws("a*?\\", "one", settings(endpoint.url), timeouts=PATIENT).list()
            sent = endpoint.requests[0]
        filters = {sent[f"Filter.{n}.Name"]: sent[f"Filter.{n}.Value.1"] for n in (1, 2)}
        assert filters == {"tag:dynamiccluster:cluster": "one", "tag:dynamiccluster:resource": "a\\*\\?\\\\"}

    def test_s34_without_a_zone_and_without_names_of_addresses_the_listing_is_the_same(self):
        with Endpoint(listing(machine("i-1"))) as endpoint:
            (instance,) = aws(endpoint.url, availability_zone=None).list()
        assert (instance.id, instance.zone, instance.private_dns) == ("i-1", "", "")

    @pytest.mark.thorough
    def test_an_unknown_type_costs_the_shape_not_the_listing(self):
        typed = machine("i-1").replace("<tagSet>", "<instanceType>x9.huge</instanceType><tagSet>")
        with Endpoint(listing(typed), refusal(403, "UnauthorizedOperation")) as endpoint:
            (instance,) = aws(endpoint.url).list()
        assert (instance.flavor, instance.shape) == ("x9.huge", None)


class TestLaunch:
    def test_s35_a_repeated_order_is_the_same_request(self):
        answer = (200, f"<RunInstancesResponse><instancesSet>{machine('i-1')}</instancesSet></RunInstancesResponse>".encode())
        with Endpoint(answer) as endpoint:
            first, second = (aws(endpoint.url).launch(ORDER) for _ in range(2))
            one, two = endpoint.requests
        assert first == second
        assert one == two and one["Action"] == "RunInstances" and len(one["ClientToken"]) == 64
        assert (one["MinCount"], one["MaxCount"]) == ("1", "1")

    @pytest.mark.parametrize("status", [500, 503])
    def test_a_launch_is_sent_once_whatever_happens(self, status):
        with Endpoint(refusal(status, "InternalError")) as endpoint:
            with pytest.raises(CloudError) as error:
                aws(endpoint.url).launch(ORDER)
            assert len(endpoint.requests) == 1
        assert (error.value.kind, error.value.certain) == (Refusal.FAILED, False)

    def test_reads_are_tried_twice(self):
        with Endpoint(refusal(500, "InternalError"), listing(machine("i-1"))) as endpoint:
            assert aws(endpoint.url).get("i-1").id == "i-1"
            assert len(endpoint.requests) == 2

    def test_an_order_sent_before_with_other_settings_finds_its_machine(self):
        mismatch = refusal(400, "IdempotentParameterMismatch")
        with Endpoint(mismatch, listing(machine("i-0", "terminated"), machine("i-1")), TYPES) as endpoint:
            assert aws(endpoint.url).launch(ORDER).id == "i-1"
            sent = endpoint.requests[1]
        assert "intent-1" in [sent[f"Filter.{n}.Value.1"] for n in (1, 2, 3)]

    def test_an_order_sent_before_whose_machine_does_not_show_is_uncertain(self):
        with Endpoint(refusal(400, "IdempotentParameterMismatch"), listing()) as endpoint:
            with pytest.raises(CloudError, match="does not show yet") as error:
                aws(endpoint.url).launch(ORDER)
        assert (error.value.kind, error.value.certain) == (Refusal.FAILED, False)

    def test_a_wrong_value_is_refused_here_without_showing_any(self):
        bad = LaunchOrder("i", 987654321, "", 0.0)  # type: ignore[arg-type]
        with pytest.raises(CloudError) as error:
            aws("http://127.0.0.1:1").launch(bad)
        assert (error.value.kind, error.value.certain) == (Refusal.BAD_REQUEST, True)
        assert "value" in str(error.value)
        assert str(error.value).count("987654321") == 1, "the name that we ask for, not the value that boto3 quotes"


class TestGone:
    @pytest.mark.parametrize("code", ["InvalidInstanceID.NotFound"])
    def test_s36_ending_what_is_gone_is_a_success(self, code):
        with Endpoint(refusal(400, code)) as endpoint:
            aws(endpoint.url).destroy("i-0123456789abcdef0")
            assert endpoint.requests[0]["Action"] == "TerminateInstances"

    @pytest.mark.parametrize(
        ("status", "code"),
        [(400, "InvalidInstanceID.Malformed"), (403, "UnauthorizedOperation"), (500, "InternalError"), (400, "OperationNotPermitted")],
    )
    def test_s36_any_other_refusal_is_no_success(self, status, code):
        with Endpoint(refusal(status, code)) as endpoint:
            with pytest.raises(CloudError):
                aws(endpoint.url).destroy("i-1")
            with pytest.raises(CloudError):
                aws(endpoint.url).get("i-1")

    def test_an_answer_without_the_machine_proves_nothing(self):
        with Endpoint(listing()) as endpoint, pytest.raises(CloudError, match="without it"):
            aws(endpoint.url).get("i-1")

    def test_an_ended_machine_is_not_adopted(self):
        with Endpoint(listing(machine("i-1", "terminated", {}))) as endpoint:
            with pytest.raises(CloudError, match="no such machine"):
                aws(endpoint.url).adopt("i-1", {})
            assert [request["Action"] for request in endpoint.requests] == ["DescribeInstances"]

    @pytest.mark.parametrize("other", [{"dynamiccluster:cluster": "two"}, {**OURS, "dynamiccluster:resource": "beta"}])
    def test_a_machine_of_another_owner_is_not_adopted(self, other):
        with Endpoint(listing(machine("i-1", tags=other))) as endpoint:
            with pytest.raises(CloudError, match="belongs to") as error:
                aws(endpoint.url).adopt("i-1", {})
            assert [request["Action"] for request in endpoint.requests] == ["DescribeInstances"]
        assert (error.value.kind, error.value.certain) == (Refusal.BAD_REQUEST, True)

    def test_a_stopped_machine_is_an_error_that_says_so(self):
        with Endpoint(listing(machine("i-1", "stopped"))) as endpoint:
            instance = aws(endpoint.url).get("i-1")
        assert (instance.state, instance.stopped, instance.detail) == (InstanceState.ERROR, True, "stopped")


class TestMessages:
    def test_an_error_is_one_sentence_with_what_where_and_what_to_do(self):
        with Endpoint(refusal(400, "InvalidAMIID.NotFound", "The image id '[ami-1]' does not exist")) as endpoint:
            with pytest.raises(CloudError) as error:
                aws(endpoint.url).launch(ORDER)
        path = "dynamiccluster:cloud:alpha:config:image_id"
        assert error.value.setting == path
        assert str(error.value) == (
            "resource alpha: could not launch wn-a: EC2 answered InvalidAMIID.NotFound: "
            f"The image id '[ami-1]' does not exist (correct {path})"
        )

    def test_secrets_and_floods_are_cut_out_of_ec2s_text(self):
        told = f"key {SECRET} of AKIAIOSFODNN7EXAMPLE\nEncoded authorization failure message: {'x' * 900} " + "y" * 900
        with Endpoint(refusal(403, "UnauthorizedOperation", told)) as endpoint:
            with pytest.raises(CloudError) as error:
                aws(endpoint.url).launch(ORDER)
        text = str(error.value)
        assert SECRET not in text and "AKIAIOSFODNN7EXAMPLE" not in text and "xxx" not in text and "\n" not in text
        assert len(text) < 700
        assert error.value.__suppress_context__

    def test_a_page_that_is_not_ec2s_is_no_answer(self):
        with Endpoint((200, b"<html><body>Log in to the hotel's network")) as endpoint:
            with pytest.raises(CloudError, match="some other server") as error:
                aws(endpoint.url).launch(ORDER)
        assert (error.value.kind, error.value.certain) == (Refusal.UNREACHABLE, False)
        assert "hotel" not in str(error.value)

    def test_a_dead_proxy_is_named_without_its_password(self):
        proxy = f"http://user:pa55word@127.0.0.1:{free_port()}"
        with pytest.raises(CloudError) as error:
            aws("http://ec2.example.org", proxy=proxy).list()
        assert error.value.kind is Refusal.UNREACHABLE
        assert error.value.setting.endswith(":proxy")
        assert "pa55word" not in str(error.value)

    def test_without_any_keys_the_access_key_is_named(self, monkeypatch, tmp_path):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        with pytest.raises(CloudError) as error:
            aws("http://127.0.0.1:1", access_key_id=None, secret_access_key=None).list()
        assert error.value.kind is Refusal.UNAUTHORISED
        assert error.value.setting.endswith(":access_key_id")


    def test_user_data_and_keys_are_in_no_log_however_detailed(self, caplog):
        caplog.set_level(logging.DEBUG)
        answer = (200, f"<RunInstancesResponse><instancesSet>{machine('i-1')}</instancesSet></RunInstancesResponse>".encode())
        with Endpoint(answer) as endpoint:
            aws(endpoint.url).launch(ORDER)
        assert ORDER.user_data not in caplog.text
        assert base64.b64encode(ORDER.user_data.encode()).decode() not in caplog.text
        assert SECRET not in caplog.text


class TestTimeouts:
    @pytest.mark.parametrize(("call", "certain"), [("list", True), ("launch", False)])
    @pytest.mark.thorough
    def test_a_server_that_never_answers_is_unreachable(self, call, certain):
        with silent_port() as url, pytest.raises(CloudError) as error:
            aws(url, HASTY).list() if call == "list" else aws(url, HASTY).launch(ORDER)
        assert (error.value.kind, error.value.certain) == (Refusal.UNREACHABLE, certain)

    def test_a_proxy_is_really_used(self):
        with Endpoint(listing(machine("i-1"))) as proxy:
            port = int(proxy.url.rpartition(":")[2])
            (instance,) = aws("http://ec2.example.org", proxy="127.0.0.1", proxy_port=port).list()
        assert instance.id == "i-1"
