from __future__ import annotations

from dataclasses import replace

import pytest

from saltext.dynamiccluster.batch.gridengine.cell import Cell
from saltext.dynamiccluster.batch.gridengine.config import (
    Environment,
    parse_complexes,
    read_attribute,
)
from saltext.dynamiccluster.batch.gridengine.jobs import RawRequest, parse_jobs
from saltext.dynamiccluster.batch.gridengine.places import host_patterns
from saltext.dynamiccluster.batch.gridengine.requests import Translator, spread
from saltext.dynamiccluster.model import Chunk, Place, Request

from .captured import cell, read

ALL = (Place("long.q"), Place("short.q"), Place("all.q"))


def translate(raw: RawRequest, where: Cell | None = None) -> Request:
    return Translator(where or cell())(raw).request


def asking(*resources: tuple[str, str], pe: str = "", slots: int = 1, queues: tuple[str, ...] = ()) -> RawRequest:
    return RawRequest(slots, pe, str(slots) if pe else "", resources, queues)


@pytest.mark.parametrize(
    ("rule", "slots", "shape"),
    [
        ("$pe_slots", "8", (1, 8, False)),
        ("$fill_up", "12", (12, 1, False)),
        ("$round_robin", "12", (12, 1, False)),
        ("4", "8", (2, 4, True)),
        ("1", "9", (9, 1, True)),
        ("4", "6-16", (2, 4, True)),
        ("4", "6,12", (3, 4, True)),
        ("4", "40-9999999", (10, 4, True)),
        ("$pe_slots", "30-64", (1, 30, False)),
        ("$pe_slots", "20,40,80", (1, 20, False)),
    ],
)
def test_allocation_rules(rule: str, slots: str, shape: tuple[int, int, bool]) -> None:
    assert spread(Environment("pe", rule), slots) == shape


@pytest.mark.parametrize(("rule", "slots"), [("4", "6"), ("4", "5-7"), ("8", "4,12")])
def test_a6_fixed_rule_that_does_not_divide_is_impossible(rule: str, slots: str) -> None:
    assert "cannot be divided" in spread(Environment("mpi", rule), slots)


@pytest.mark.parametrize(("slots", "fewest"), [("4-8", 4), ("20,40", 20), ("40-", 40), ("64,16", 16), ("30-64,8-12", 8)])
def test_g1_fewest_slots_of_a_range_are_asked_for(slots: str, fewest: int) -> None:
    assert spread(Environment("smp", "$pe_slots"), slots) == (1, fewest, False)


def test_more_slots_than_the_environment_has_is_impossible() -> None:
    assert "has 10 slots" in spread(Environment("smp", "$pe_slots", 10), "12")


EXPECTED = {
    "serial_run": Request((Chunk(),), ALL),
    "smp64_pend": Request((Chunk(1, 64),), ALL),
    "smp_range_pend": Request((Chunk(1, 30),), ALL),
    "smp_rangelist": Request((Chunk(1, 20),), ALL),
    "smp_openrange": Request((Chunk(1, 40),), ALL),
    "rr100_pend": Request((Chunk(100),), (Place("long.q"), Place("all.q"))),
    "mpi4_40_pend": Request((Chunk(10, 4, distinct=True),), (Place("all.q"),)),
    "mpi1_9_pend": Request((Chunk(9, 1, distinct=True),), (Place("all.q"),)),
    "q_hgrp_ok": Request((Chunk(1, 9),), (Place("long.q", group="@long"),)),
    "q_two": Request((Chunk(1, 30),), (Place("long.q"), Place("short.q"))),
    "q_host": Request((Chunk(1, 20),), (Place("all.q", "n1"),)),
    "q_wild": Request((Chunk(1, 20),), tuple(Place(queue, "n[12]") for queue in ("long.q", "short.q", "all.q"))),
    "l_soft": Request((Chunk(1, 20, gpus=20),), ALL, needs=(("gpu", "1"),)),
    "arr_pend": Request((Chunk(gpus=2),), ALL, needs=(("gpu", "2"),)),
    "excl": Request((Chunk(6, 1, distinct=True),), (Place("all.q"),), exclusive=True, needs=(("exclusive", "true"),)),
    "fill100_pend": Request((Chunk(100, 1, 2048),), (Place("all.q"),), needs=(("h_vmem", "2147483648"),)),
    "serial_pend": Request(
        (Chunk(1, 1, 1024),), (Place("long.q"), Place("all.q")), node_memory_mb=1024, needs=(("h_vmem", "1073741824"),)
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_g1_g9_captured_requests(name: str) -> None:
    record = next(record for record in parse_jobs(read("qstat-xml-r-all")) if record.name == name)
    assert translate(record.request) == EXPECTED[name]


def test_g2_wildcard_environment_takes_any_that_matches() -> None:
    found = translate(asking(pe="mpi*", slots=40))
    assert not found.impossible and found.chunks[0].total_cores == 40
    without_mpi1 = replace(cell(), environments={name: pe for name, pe in cell().environments.items() if name != "mpi1"})
    assert translate(asking(pe="mpi*", slots=40), without_mpi1).chunks == (Chunk(10, 4, distinct=True),)


@pytest.mark.parametrize("useless", ["mpi3", "mpi9"])
def test_g2_wildcard_environment_tries_the_next_one_when_the_first_cannot_serve(useless: str) -> None:
    only = replace(cell(), environments={"mpi4": Environment("mpi4", "4"), useless: Environment(useless, useless[-1])})
    assert translate(asking(pe="mpi*", slots=40), only).chunks == (Chunk(10, 4, distinct=True),)


def test_g2_deleted_environment_concerns_its_job_alone() -> None:
    found = translate(asking(pe="gone", slots=4))
    assert found.impossible == "no parallel environment is called gone" and found.places == ()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (asking(pe="mpi4", slots=8, queues=("long.q",)), "no queue among those it asks for (long.q) offers the parallel environment mpi4"),
        (asking(queues=("nosuch.q",)), "no queue that takes such jobs among those it asks for (nosuch.q) exists"),
        (asking(("h_rt", "360000"), queues=("short.q",)), "no queue among those it asks for (short.q) allows h_rt=360000"),
        (asking(("license", "11")), "the whole cell has only 10 of license, it asks for 11"),
    ],
)
def test_s21_impossible_jobs_are_told_why(raw: RawRequest, reason: str) -> None:
    assert translate(raw).impossible == reason


def test_s21_requests_that_no_node_meets_stay_needs() -> None:
    assert translate(asking(("gpu", "99"))).needs == (("gpu", "99"),)
    assert translate(asking(("rack", "r7"))).needs == (("rack", "r7"),)
    assert translate(asking(("nosuch", "1"))).needs == (("nosuch", "1"),)


@pytest.mark.parametrize(
    ("queues", "places"),
    [
        (("all.q@n1",), (Place("all.q", "n1"),)),
        (("all.q@@allhosts",), (Place("all.q", group="@allhosts"),)),
        (("@@long",), (Place("long.q", group="@long"), Place("short.q", group="@long"), Place("all.q", group="@long"))),
        (("s*.q",), (Place("short.q"),)),
        (("*@n[12]", "long.q"), (Place("long.q", "n[12]"), Place("long.q"), Place("short.q", "n[12]"), Place("all.q", "n[12]"))),
        (("all.q@@a*",), (Place("all.q", group="@allhosts"),)),
    ],
)
def test_g9_queue_requests(queues: tuple[str, ...], places: tuple[Place, ...]) -> None:
    assert translate(asking(queues=queues)).places == places


def test_host_expressions() -> None:
    assert host_patterns("n1|n2") == ("n1", "n2")
    assert host_patterns("node*") == ("node*",)
    assert host_patterns("!n1") == host_patterns("n*&!n1") == host_patterns("") == ("*",)
    assert translate(asking(("hostname", "n1|n2"), queues=("all.q",))).places == (Place("all.q", "n1"), Place("all.q", "n2"))
    assert translate(asking(("h", "n1"), queues=("all.q@n2",))).places == ()


def test_environment_that_only_a_host_group_offers() -> None:
    queues = dict(cell().queues)
    queues["all.q"] = replace(queues["all.q"], attributes={**queues["all.q"].attributes, "pe_list": read_attribute("smp,[@big=smp mpi4]")})
    found = translate(asking(pe="mpi4", slots=8), replace(cell(), queues=queues))
    assert found.places == (Place("all.q", group="@big"),)


def test_memory_by_kind_of_consumable() -> None:
    def with_kind(kind: str) -> Cell:
        complexes = parse_complexes(f"h_vmem h_vmem MEMORY <= YES {kind} 0 0\nmem_free mf MEMORY <= YES NO 0 0")
        return replace(cell(), complexes=complexes)

    raw = asking(("h_vmem", "2G"), pe="fill", slots=4)
    assert translate(raw, with_kind("YES")).chunks == (Chunk(4, 1, 2048),)
    assert translate(raw, with_kind("JOB")).chunks == (Chunk(1, 1, 2048), Chunk(3, 1))
    assert translate(raw, with_kind("NO")).chunks == (Chunk(4, 1),)
    assert translate(raw, with_kind("HOST")).node_memory_mb == 2048
    assert translate(asking(("mem_free", "1500M")), with_kind("NO")).node_memory_mb == 1500
    assert translate(asking(("h_vmem", "2G"), pe="smp", slots=4), with_kind("YES")).chunks == (Chunk(1, 4, 8192),)


def test_default_of_a_memory_consumable_counts_unasked() -> None:
    where = replace(cell(), complexes=parse_complexes("h_vmem h_vmem MEMORY <= YES YES 1G 0"))
    assert translate(asking(), where).chunks == (Chunk(1, 1, 1024),)
    assert translate(asking(("h_vmem", "3G")), where).chunks == (Chunk(1, 1, 3072),)


def test_scratch_space_is_no_memory() -> None:
    where = replace(cell(), complexes=parse_complexes("scratch scr MEMORY <= YES YES 0 0"))
    assert translate(asking(("scratch", "10G")), where) == Request(places=ALL, needs=(("scratch", "10737418240"),))


def test_values_that_queues_give() -> None:
    queues = dict(cell().queues)
    queues["long.q"] = replace(queues["long.q"], attributes={**queues["long.q"].attributes, "complex_values": read_attribute("rack=r7")})
    found = translate(asking(("rack", "r7")), replace(cell(), queues=queues))
    assert found.places == (Place("long.q"),) and not found.needs


def test_g8_queue_to_monitor() -> None:
    translator = Translator(cell(), ("short.q",))
    assert translator(asking(queues=("all.q",))).unwatched
    both = translator(asking(queues=("all.q", "short.q")))
    assert not both.unwatched and both.request.places == (Place("short.q"),)


def test_equal_requests_share_one_answer() -> None:
    translator = Translator(cell())
    assert translator(asking(("gpu", "1"))) is translator(asking(("gpu", "1")))


def test_walltime() -> None:
    translator = Translator(cell())
    assert translator(asking(("h_rt", "1:0:0"))).walltime == 3600
    assert translator(asking(("s_rt", "60"), ("h_rt", "90"))).walltime == 90
    assert translator(asking()).walltime is None


def test_request_that_cannot_be_understood_is_impossible_and_harms_nobody() -> None:
    assert "cannot be understood" in translate(RawRequest(4, "smp", "x")).impossible


@pytest.mark.parametrize("slots", ["8-4", "0", "9" * 400, "4-8:0", "many"])
def test_a_range_that_no_number_of_slots_is_in_costs_its_job_only(slots: str) -> None:
    assert "cannot be understood" in translate(RawRequest(1, "smp", slots)).impossible


@pytest.mark.parametrize("value", ["INFINITY", "1e400", "1e300G", "9" * 400])
@pytest.mark.parametrize("name", ["h_vmem", "mem_free", "gpu"])
def test_no_machine_has_an_endless_amount(name: str, value: str) -> None:
    assert (name, value) in translate(asking((name, value))).needs
