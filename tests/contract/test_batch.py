"""The contract of the BatchSystem port. Every batch system, simulated or real, is held to it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from saltext.dynamiccluster.errors import BatchRefused, BatchUnreachable, HostHasJobs, NameUnresolvable
from saltext.dynamiccluster.model import HoldBy, Host, Job, JobState, Reservation, Shape
from saltext.dynamiccluster.ports import Joining

from .batch_backends import BACKENDS, NEED_ROOT, Backend

_NAMES = (f"c{number:03d}" for number in itertools.count(1))


def _backend(name: str) -> object:
    return pytest.param(name, marks=[pytest.mark.root, pytest.mark.integration]) if name in NEED_ROOT else name


@pytest.fixture(scope="module", params=[_backend(name) for name in BACKENDS])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    with BACKENDS[request.param]() as found:
        yield found


@pytest.fixture
def name(backend: Backend) -> Iterator[str]:
    """Yield the name of a machine that has just booted; whatever became of it is cleaned up."""
    found = next(_NAMES)
    backend.boot(found)
    yield found
    backend.batch.vacate(found)
    backend.settle()
    backend.batch.clear(found) if (host := find(backend, found)) and host.jobs else None
    backend.batch.remove(found, gone=True)


@pytest.fixture
def host(backend: Backend, name: str) -> str:
    """Return a host that has joined, whose daemon runs, and which is released."""
    join(backend, name)
    backend.start_daemon(name)
    backend.batch.unhold(name)
    return name


def join(backend: Backend, name: str) -> None:
    backend.batch.join(Joining(name, backend.batch.resolve(name), Shape(4, 8000)))


def find(backend: Backend, name: str) -> Host | None:
    return next((host for host in backend.batch.observe().hosts if host.name == name), None)


def show(backend: Backend, name: str) -> Host:
    found = find(backend, name)
    assert found is not None
    return found


def find_job(backend: Backend, job_id: str) -> Job:
    return next(job for job in backend.batch.observe().jobs if job.id == job_id)


def test_names_resolve_on_the_head(backend: Backend, name: str) -> None:
    assert backend.batch.resolve(name).count(".") == 3
    assert backend.batch.resolve("nosuchhost") == ""


def test_host_joins_held_and_takes_no_jobs(backend: Backend, name: str) -> None:
    join(backend, name)
    found = show(backend, name)
    assert found.hold is HoldBy.US and found.cores == 4 and found.up is not True
    backend.start_daemon(name)
    found = show(backend, name)
    assert found.hold is HoldBy.US and found.up is True and found.reported
    assert not any(queue.usable for queue in found.queues) and not found.busy


def test_join_again_changes_nothing(backend: Backend, name: str) -> None:
    join(backend, name)
    before = show(backend, name)
    join(backend, name)
    assert show(backend, name).queues == before.queues


def test_unresolvable_host_does_not_join(backend: Backend) -> None:
    with pytest.raises(NameUnresolvable):
        backend.batch.join(Joining("nosuchhost", "", Shape(4)))
    assert find(backend, "nosuchhost") is None


def test_released_host_is_usable(backend: Backend, host: str) -> None:
    found = show(backend, host)
    assert found.hold is HoldBy.NOBODY and found.up is True and any(queue.usable for queue in found.queues)
    backend.batch.unhold(host)  # again


def test_held_host_keeps_its_job(backend: Backend, host: str) -> None:
    job_id = backend.run_job(host)
    backend.batch.hold(host, "to go")
    backend.batch.hold(host, "to go")
    found = show(backend, host)
    assert found.hold is HoldBy.US and found.jobs == (job_id,) and found.busy
    assert find_job(backend, job_id).state is JobState.RUNNING
    backend.batch.unhold(host)
    assert show(backend, host).hold is HoldBy.NOBODY


def test_administrators_hold_is_told_from_ours(backend: Backend, host: str) -> None:
    backend.disable(host)
    assert show(backend, host).hold is HoldBy.ADMINISTRATOR
    backend.batch.hold(host, "to go")
    assert show(backend, host).hold is HoldBy.ADMINISTRATOR
    backend.batch.unhold(host)
    assert show(backend, host).hold is HoldBy.NOBODY


def test_unknown_host_is_not_held(backend: Backend) -> None:
    with pytest.raises(BatchRefused):
        backend.batch.hold("nosuchhost", "")


@pytest.mark.parametrize("gone", [False, True])
def test_host_with_jobs_is_not_removed(backend: Backend, host: str, gone: bool) -> None:
    job_id = backend.run_job(host)
    with pytest.raises(HostHasJobs):
        backend.batch.remove(host, gone=gone)
    assert show(backend, host).jobs == (job_id,)


def test_empty_host_is_removed(backend: Backend, host: str) -> None:
    backend.batch.hold(host, "to go")
    backend.batch.remove(host)
    assert find(backend, host) is None
    backend.batch.remove(host)  # again


def test_host_that_never_reported_is_removed(backend: Backend, name: str) -> None:
    join(backend, name)
    backend.batch.remove(name)
    assert find(backend, name) is None


def test_vacated_host_is_empty(backend: Backend, host: str) -> None:
    job_id = backend.run_job(host)
    assert backend.batch.vacate(host) == (job_id,)
    for _ in range(10):
        backend.settle()
        if not show(backend, host).jobs:
            break
    assert show(backend, host).jobs == () == backend.batch.vacate(host)


def test_jobs_of_a_machine_that_is_gone(backend: Backend, host: str) -> None:
    again, lost = backend.run_job(host, rerunnable=True), backend.run_job(host)
    backend.power_off(host)
    assert set(show(backend, host).jobs) == {again, lost}
    cleared = backend.batch.clear(host)
    assert (cleared.requeued, cleared.lost) == ((again,), (lost,))
    assert find_job(backend, again).state in (JobState.PENDING, JobState.WAITING)
    assert lost not in {job.id for job in backend.batch.observe().jobs}
    backend.batch.remove(host, gone=True)
    assert find(backend, host) is None
    assert backend.batch.clear(host).requeued == ()


def test_jobs_of_a_machine_that_is_about_to_end(backend: Backend, host: str) -> None:
    again, stays = backend.run_job(host, rerunnable=True), backend.run_job(host)
    backend.batch.hold(host, "to go")
    requeued = backend.batch.requeue(host)
    assert again in requeued and stays not in requeued
    for _ in range(20):
        if again not in show(backend, host).jobs:
            break
        backend.settle()
    assert show(backend, host).jobs == (stays,)
    assert find_job(backend, again).state in (JobState.PENDING, JobState.WAITING)
    assert find_job(backend, stays).state is JobState.RUNNING
    assert backend.batch.requeue(host) == ()  # nothing is left that may run again


def test_jobs_that_wait(backend: Backend) -> None:
    big, held = backend.submit(), backend.submit(held=True)
    jobs = {job.id: job for job in backend.batch.observe().jobs}
    assert jobs[held].state is JobState.HELD and jobs[held].reason and jobs[held].tasks == 0
    assert jobs[big].state in (JobState.PENDING, JobState.WAITING) and not jobs[big].hosts


def test_details_of_a_job(backend: Backend) -> None:
    job_id = backend.submit()
    details = backend.batch.job(job_id)
    assert job_id in details.values()
    assert backend.batch.job("999999") == {}


def test_offers_for_each_reservation(backend: Backend) -> None:
    view = backend.batch.observe()
    assert view.offers[Reservation()].queues and not view.offers[Reservation()].problem
    assert all(view.health.values())


def test_check_changes_nothing_and_finds_no_fault(backend: Backend) -> None:
    before = backend.batch.observe()
    assert all(finding.what for finding in backend.batch.check())
    assert {host.name for host in backend.batch.observe().hosts} == {host.name for host in before.hosts}


def test_s9_server_that_is_down_is_an_error_and_no_empty_answer(backend: Backend, host: str) -> None:
    """Last: the real server takes its time."""
    backend.stop_server()
    try:
        for call in (backend.batch.observe, lambda: backend.batch.hold(host, ""), lambda: backend.batch.remove(host), lambda: backend.batch.clear(host)):
            with pytest.raises(BatchUnreachable):
                call()
    finally:
        backend.start_server()
    assert show(backend, host).name == host
