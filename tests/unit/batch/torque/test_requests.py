from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.torque.jobs import RawRequest, parse_jobs
from saltext.dynamiccluster.batch.torque.requests import Translator, World
from saltext.dynamiccluster.batch.torque.server import Server
from saltext.dynamiccluster.model import Chunk, Place

from . import captured

ANY = (Place("batch"),)


def translate(world: World = World(), /, account: str = "", **resources: str):
    return Translator(world)(RawRequest(tuple(resources.items()), "batch", account))


@pytest.mark.parametrize(
    ("nodes", "chunks"),
    [
        ("2:ppn=4+1:ppn=2", [Chunk(2, 4), Chunk(1, 2)]),
        ("1:cloud:ppn=4", [Chunk(1, 4, properties=frozenset({"cloud"}))]),
        ("1:ppn=2:gpus=1", [Chunk(1, 2, gpus=1)]),
        ("4:ppn=2", [Chunk(4, 2)]),
        ("1#shared", [Chunk()]),
    ],
)
def test_t2_nodes_become_chunks(nodes, chunks):
    request = translate(nodes=nodes)
    assert list(request.chunks) == chunks and request.places == ANY and not request.impossible


def test_t2_ten_cores_on_three_nodes():
    request = translate(nodes="2:ppn=4+1:ppn=2")
    assert request.total_cores == 10 and sum(chunk.count for chunk in request.chunks) == 3


def test_t2_named_hosts_are_two_cores_on_those_hosts():
    world = World(hosts=frozenset({"wn1", "wn2.example.org"}))
    request = translate(world, nodes="wn1+wn2")
    assert request.total_cores == 2 and request.places == (Place("batch", "wn1"), Place("batch", "wn2.example.org"))
    assert not any(chunk.properties for chunk in request.chunks)
    assert translate(world, host="wn1").places == (Place("batch", "wn1"),)


def test_a_word_that_is_no_host_is_a_property():
    assert translate(nodes="wn1").chunks == (Chunk(properties=frozenset({"wn1"})),)


def test_a_job_that_names_one_host_among_others_may_get_new_nodes():
    assert translate(World(hosts=frozenset({"wn1"})), nodes="wn1+2:ppn=4").places == ANY


@pytest.mark.parametrize(
    ("resources", "chunk"),
    [
        ({"procs": "12"}, Chunk(12)),
        ({"procs": "12", "nodes": "1"}, Chunk(12)),
        ({"ncpus": "4"}, Chunk(1, 4)),
        ({"ncpus": "4", "nodes": "1"}, Chunk(1, 4)),
        ({"ncpus": "4", "nodes": "2:ppn=2"}, Chunk(2, 2)),
        ({}, Chunk()),
    ],
)
def test_t3_procs_and_ncpus(resources, chunk):
    assert translate(**resources).chunks == (chunk,)


@pytest.mark.parametrize(
    ("resources", "memory"),
    [
        ({"nodes": "1:ppn=1", "mem": "512mb"}, 512),
        ({"nodes": "2:ppn=2", "mem": "4gb"}, 2048),
        ({"nodes": "2:ppn=2", "pmem": "256mb"}, 512),
        ({"nodes": "1", "vmem": "1gb"}, 1024),
        ({"nodes": "1:ppn=2", "pvmem": "1gb", "mem": "512mb"}, 2048),
        ({"procs": "4", "mem": "1gb"}, 256),
    ],
)
def test_memory_of_one_piece(resources, memory):
    assert translate(**resources).chunks[0].memory_mb == memory


def test_a3_more_memory_than_there_is_is_asked_for_as_it_stands():
    assert translate(nodes="1", mem="9999gb").chunks[0].memory_mb == 9999 * 1024


def test_a6_pieces_share_a_node_unless_maui_wants_exactly_so_many():
    assert translate(nodes="4:ppn=2").chunks == (Chunk(4, 2),)
    exact = World(maui={"JOBNODEMATCHPOLICY": "EXACTNODE"})
    assert translate(exact, nodes="4:ppn=2").chunks == (Chunk(4, 2, distinct=True),)
    assert translate(exact, procs="4").chunks == (Chunk(4),)


def test_exclusive_nodes():
    assert translate(nodes="2#excl").exclusive and translate(naccesspolicy="singlejob").exclusive
    assert translate(World(maui={"NODEACCESSPOLICY": "SINGLEJOB"}), nodes="1").exclusive and not translate(nodes="1").exclusive


def test_a_queue_may_ask_for_a_property_in_the_jobs_place():
    world = World(Server({"batch": {"resources_default.neednodes": "cloud"}}))
    assert translate(world, nodes="1:ppn=2", neednodes="cloud").chunks == (Chunk(1, 2, properties=frozenset({"cloud"})),)
    # what a rerun job still has from its last nodes is no property
    assert translate(world, nodes="1:ppn=2", neednodes="wn7:ppn=2").chunks == (Chunk(1, 2),)


def test_features_are_properties():
    assert translate(feature="foo,bar").chunks == (Chunk(properties=frozenset({"foo", "bar"})),)


@pytest.mark.parametrize("resources", [{"nodes": "1:ppn=x"}, {"procs": "many"}, {"nodes": "1", "mem": "lots"}])
def test_what_cannot_be_understood_is_impossible_and_told(resources):
    request = translate(**resources)
    assert request.places == () and "cannot be understood" in request.impossible


def test_accounts():
    assert translate(account="projectx").account == "projectx"


def test_equal_requests_are_one_object():
    translator = Translator(World())
    one, other = RawRequest((("nodes", "1"), ("nodect", "1"))), RawRequest((("nodes", "1#shared"),))
    assert translator(one) is translator(one) and translator(one) is translator(other)


def test_every_captured_job_is_understood():
    translator = Translator(World(hosts=frozenset({"wn1", "wn2", "wn3"})))
    requests = {job.number: translator(job.request) for job in parse_jobs(captured.read("C04-qstat-x-t"))}
    assert not any(request.impossible for request in requests.values())
    assert requests["56"].total_cores == 8 and requests["64"].chunks == (Chunk(1, 100),) and requests["65"].total_cores == 20
    assert requests["55"].chunks[0].properties == {"foo"}


@pytest.mark.parametrize(("name", "value"), [("mem", "9" * 400), ("pmem", "9" * 20 + "pb"), ("vmem", "9" * 5000 + "gb"), ("nodes", "9" * 400), ("procs", "9" * 400)])
def test_no_machine_has_an_endless_amount(name, value):
    assert "cannot be understood" in translate(**{name: value}).impossible
