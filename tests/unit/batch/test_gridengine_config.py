from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.batch.gridengine.cell import Cell
from saltext.dynamiccluster.batch.gridengine.config import (
    Attribute,
    parse_complexes,
    parse_environment,
    parse_exec_host,
    parse_group,
    parse_queues,
    read_attribute,
)
from saltext.dynamiccluster.batch.gridengine.offers import (
    joined_features,
    make_offer,
    plan_entry,
)
from saltext.dynamiccluster.errors import BatchMalformed
from saltext.dynamiccluster.model import Host, Reservation, Shape

from .captured import cell, text


def test_queues() -> None:
    queues = parse_queues(text("conf-sq-star"))
    assert list(queues) == ["long.q", "short.q", "all.q"]
    assert queues["all.q"].hosts == ("@allhosts",)
    assert queues["all.q"]["slots"].on("n3") == "8" and queues["all.q"]["slots"].on("n9") == "0"
    assert queues["all.q"].overridden("n1") == ("slots",)


def test_wrapped_lines_are_joined() -> None:
    slots = parse_queues(text("conf-sq-250-overrides"))["all.q"]["slots"]
    assert len(slots.overrides) == 250 and slots.on("x250")
    assert len(parse_group(text("conf-shgrp-250"))) == 250
    assert parse_exec_host(text("conf-se-n3")) == parse_exec_host(text("conf-se-n3-singleline")) == {"exclusive": "true", "gpu": "2"}


def test_attributes() -> None:
    assert read_attribute("smp rr,[n1=mpi4 smp],[@big=NONE]") == Attribute("smp rr", (("n1", "mpi4 smp"), ("@big", "NONE")))
    attribute = read_attribute("0,[@big=8],[n1=4]")
    assert [attribute.on("n1", ["@big"]), attribute.on("n2", ["@big"]), attribute.on("n3")] == ["4", "8", "0"]


def test_empty_lists() -> None:
    assert parse_group(text("zero-shgrp")) == ()
    assert parse_exec_host(text("conf-se-noexecd")) == {}
    assert parse_queues("") == {}


def test_environment_as_configured_or_as_a_sites_command_prints_it() -> None:
    assert parse_environment("mpi4", text("conf-sp-mpi4")).rule == "4"
    assert parse_environment("smp", text("conf-sp-smp")).rule == "$pe_slots"
    assert parse_environment("smp", "$pe_slots\n").rule == "$pe_slots"


@pytest.mark.parametrize("parse", [parse_group, parse_exec_host, parse_complexes, lambda text: parse_environment("x", text), lambda text: parse_queues("qname a\n")])
def test_malformed_answers(parse) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BatchMalformed):
        parse("what is this")


def test_groups_hold_groups() -> None:
    nested = Cell(queues=parse_queues("qname a.q\nhostlist @all\n"), groups={"@all": ("@big", "n9"), "@big": ("n1",), "@lone": ()})
    assert nested.groups_above("n1") == {"@big", "@all"}
    assert nested.queues_of_group("@big") == {"a.q"} and not nested.queues_of_group("@lone")


@pytest.mark.parametrize(
    ("reservation", "queues", "groups"),
    [
        (Reservation(), {"all.q"}, {"@allhosts"}),
        (Reservation(account="long"), {"long.q"}, {"@long"}),
        (Reservation(account="@long"), {"long.q"}, {"@long"}),
        (Reservation(queue="short.q"), {"short.q"}, set()),
        (Reservation(queue="long.q", account="long"), {"long.q"}, {"@long"}),
    ],
)
def test_g10_offers(reservation: Reservation, queues: set[str], groups: set[str]) -> None:
    offer = make_offer(cell(), reservation, "@allhosts", ())
    assert (offer.queues, offer.groups, offer.problem) == (queues, groups, "")


@pytest.mark.parametrize(
    ("reservation", "problem"),
    [
        (Reservation(account="nosuch"), "host group @nosuch does not exist"),
        (Reservation(queue="nosuch.q"), "queue nosuch.q does not exist"),
        (Reservation(queue="short.q", account="long"), "queue short.q does not contain host group @long"),
    ],
)
def test_offers_that_cannot_be_kept(reservation: Reservation, problem: str) -> None:
    offer = make_offer(cell(), reservation, "@allhosts", ())
    assert offer.problem.startswith(problem) and not offer.queues


def test_host_group_in_no_queue() -> None:
    lone = replace(cell(), groups={**cell().groups, "@lone": ()})
    assert plan_entry(lone, Reservation(account="lone"), "@allhosts").problem.startswith("no queue contains host group @lone")


def test_queue_and_account_exclude_the_groups_other_queues() -> None:
    queues = parse_queues("qname a.q\nhostlist @big\nqname b.q\nhostlist @big\n")
    plan = plan_entry(Cell(queues, groups={"@big": ()}), Reservation("a.q", "big"), "@allhosts")
    assert (plan.group, plan.queues, plan.others) == ("@big", {"a.q"}, {"b.q"})


def test_features_that_joining_gives() -> None:
    assert joined_features(cell()) == {"exclusive": "true", "gpu": "inf"}


def test_limit_without_a_default_is_never_configured_on_a_host() -> None:
    """A job that asks for no h_vmem is given the default, 0, and is ended at once on a host where h_vmem is configured."""
    def features(line: str) -> dict[str, str]:
        return joined_features(replace(cell(), complexes=parse_complexes(line)))

    assert features("h_vmem h_vmem MEMORY <= YES YES 0 0") == {}
    assert features("h_vmem h_vmem MEMORY <= YES YES 1G 0") == {"h_vmem": "inf"}
    assert features("h_vmem h_vmem MEMORY <= FORCED YES 0 0") == {"h_vmem": "inf"}
    assert features("mem_free mf MEMORY <= YES YES 0 0") == {"mem_free": "inf"}
    assert features("gpu gpu INT <= YES YES 0 0") == {"gpu": "inf"}


def test_words_that_all_hosts_share_are_expected_of_new_ones() -> None:
    hosts = [Host(name, True, reported=Shape(2), features={"arch": "lx-amd64", "rack": name}) for name in ("n1", "n2")]
    assert make_offer(cell(), Reservation(), "@allhosts", hosts).features == {"arch": "lx-amd64", "exclusive": "true", "gpu": "inf"}
