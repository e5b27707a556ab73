"""
Watch and steer elastic batch clusters (see the engine ``dynamiccluster``).

Reads come from the engine's last snapshot and work while it is down. Every function that changes something takes ``test=True``, which
only says what would be done. A failure is one clear sentence and a non-zero exit status. ``cluster`` is needed where the
master runs several.
"""

from __future__ import annotations

__version__ = "2.0.0"
__virtualname__ = "dynamiccluster"


def __virtual__():
    try:
        from saltext.dynamiccluster import __version__ as library
    except ImportError as error:
        return False, f"the library is not in Salt's Python ({error}): salt-pip install saltext.dynamiccluster"
    if library != __version__:
        return False, f"this file is version {__version__}, the installed library {library}: sync or install again, so that both are the same"
    return __virtualname__


def _answer(function, **arguments):
    """Call a function of the library. The return value and the context together make salt-run and salt-api tell the failure."""
    from saltext.dynamiccluster.errors import DynamicClusterError
    from saltext.dynamiccluster.salt import runner

    try:
        answer = getattr(runner, function)(__opts__, **arguments)  # noqa: F821, Salt puts __opts__ here
    except (DynamicClusterError, ValueError, OSError) as error:
        answer = {"retcode": 1, **runner.describe(error)}
    if isinstance(answer, dict) and answer.get("retcode"):
        __context__["retcode"] = answer["retcode"]  # noqa: F821, and __context__
    return answer


def status(cluster=None):
    """
    Tell how the cluster is: the engine, counts of nodes and jobs, resources, and what is wrong.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.status
    """
    return _answer("status", cluster=cluster)


def nodes(resource=None, state=None, cluster=None, full=False):
    """
    List the worker nodes, of one resource or in one state if you say so: what a table shows of each, or with ``full=True`` all that is known.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.nodes --out=table
        salt-run dynamiccluster.nodes state=idle
    """
    return _answer("nodes", cluster=cluster, resource=resource, state=state, full=full)


def node(node, cluster=None):
    """
    Show one worker node, by its host name or its instance's name.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.node dc-k3v9qa
    """
    return _answer("one", part="nodes", name=node, fields=("hostname", "name"), cluster=cluster)


def jobs(state=None, owner=None, cluster=None):
    """
    List the jobs that wait or run, as many as ``queued_job_number_to_display``.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.jobs --out=table
    """
    return _answer("jobs", cluster=cluster, state=state, owner=owner)


def job(job, cluster=None):
    """
    Show one job; one that is not in the list is looked up in the batch system.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.job 4711
    """
    return _answer("job", job_id=job, cluster=cluster)


def resources(cluster=None):
    """
    List the resources with their numbers of nodes.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.resources
    """
    return _answer("table", part="resources", cluster=cluster)


def resource(resource, cluster=None):
    """
    Show one resource.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.resource cloud1
    """
    return _answer("one", part="resources", name=resource, fields=("name",), cluster=cluster)


def config(cluster=None):
    """
    Show the settings that the pillar holds now, secrets masked.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.config
    """
    return _answer("config", cluster=cluster)


def validate(cluster=None):
    """
    Check settings, master, rights, commands and credentials on the real systems; changes nothing. Fails when anything must be mended.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.validate
    """
    return _answer("validate", cluster=cluster)


def plan(cluster=None):
    """
    Tell what the engine would do now, and why, by the same decision as its own. Does nothing.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.plan
    """
    return _answer("command", name="plan", cluster=cluster)


def explain(name, cluster=None):
    """
    Say in one line why a job waits or which node it will get; or why a node exists and when it may go.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.explain 4711
        salt-run dynamiccluster.explain dc-k3v9qa
        salt-run dynamiccluster.explain burst
    """
    return _answer("command", name="explain", cluster=cluster, subject=str(name))


def history(node=None, resource=None, limit=50, cluster=None):
    """
    Tell what was done, newest first, with reasons.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.history
        salt-run dynamiccluster.history node=dc-k3v9qa limit=10
    """
    return _answer("history", node=node, resource=resource, limit=limit, cluster=cluster)


def simulate(trace, settings=None, cores=16, boot="120,240", failing=0.03, seed=1, jobs=None, spread=False, page=None, cluster=None):
    """
    Replay a trace (Standard Workload Format) through the decision code in virtual time, beside other policies. Nothing real is touched.

    Without ``settings`` (a pillar file), those of this cluster. ``cores`` of a node may be ``small=8,large=32`` by resource; ``boot`` is
    the seconds to configured, ``median,p95``; ``failing`` the share that never is; ``spread``: the scheduler prefers the emptiest node;
    ``page`` a file for plots (HTML).

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.simulate trace=/srv/last-month.swf settings=/srv/try.sls page=/srv/plots.html
    """
    wanted = {"cores": cores, "boot": boot, "failing": failing, "seed": seed, "jobs": jobs, "spread": spread}
    return _answer("simulate", trace=trace, settings=settings, page=page, cluster=cluster, **wanted)


def orphans(cluster=None):
    """
    List machines with this cluster's tags that belong to no node of it.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.orphans
    """
    return _answer("table", part="orphans", cluster=cluster)


def wait(resource=None, ready=None, within=600, cluster=None):
    """
    Wait until ``ready`` nodes serve (default: until none is on its way), at most ``within`` seconds.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.wait resource=cloud1 ready=4 within=900
    """
    return _answer("wait", resource=resource, ready=ready, within=within, cluster=cluster)


def add(resource, num=1, test=False, cluster=None):
    """
    Launch ``num`` more worker nodes in a resource, within all limits.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.add cloud1 2
        salt-run dynamiccluster.add cloud1 test=True
    """
    return _answer("command", name="add", cluster=cluster, resource=resource, num=num, test=test)


def remove(node, force=False, test=False, cluster=None):
    """
    Remove a worker node: held first, its jobs awaited. ``force=True`` ends its jobs.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.remove dc-k3v9qa
    """
    return _answer("command", name="remove", cluster=cluster, node=node, force=force, test=test)


def hold(node, test=False, cluster=None):
    """
    Keep new jobs off a worker node; running ones go on, and the node stays.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.hold dc-k3v9qa
    """
    return _answer("command", name="hold", cluster=cluster, node=node, test=test)


def unhold(node, test=False, cluster=None):
    """
    Let a held worker node take jobs again.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.unhold dc-k3v9qa
    """
    return _answer("command", name="unhold", cluster=cluster, node=node, test=test)


def vacate(node, test=False, cluster=None):
    """
    End all jobs of a worker node. They are lost unless they can be rerun.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.vacate dc-k3v9qa
    """
    return _answer("command", name="vacate", cluster=cluster, node=node, test=test)


def freeze(resource, test=False, cluster=None):
    """
    Neither launch nor remove nodes of a resource until it is restored.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.freeze cloud1
    """
    return _answer("command", name="freeze", cluster=cluster, resource=resource, test=test)


def drain(resource, test=False, cluster=None):
    """
    Hold all nodes of a resource, wait for their jobs, remove them all.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.drain cloud1
    """
    return _answer("command", name="drain", cluster=cluster, resource=resource, test=test)


def restore(resource, test=False, cluster=None):
    """
    Undo ``freeze`` and ``drain``: back to the configured minimum and maximum.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.restore cloud1
    """
    return _answer("command", name="restore", cluster=cluster, resource=resource, test=test)


def auto(enabled, test=False, cluster=None):
    """
    Turn the automatic mode on or off.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.auto False
    """
    return _answer("command", name="auto", cluster=cluster, enabled=enabled, test=test)


def stop(test=False, cluster=None):
    """
    Launch nothing any more, at once: automatic mode off, waiting launches dropped. Nodes and jobs stay. Undo with ``auto True``.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.stop
    """
    return _answer("command", name="stop", cluster=cluster, test=test)


def adopt(resource, instance, test=False, cluster=None):
    """
    Take a machine without our tags into a resource, by its cloud id.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.adopt cloud1 i-0123456789abcdef0
    """
    return _answer("command", name="adopt", cluster=cluster, resource=resource, instance=instance, test=test)


def reconcile(test=False, cluster=None):
    """
    Read the settings, the batch system and the clouds again, now.

    CLI Example:

    .. code-block:: bash

        salt-run dynamiccluster.reconcile
    """
    return _answer("command", name="reconcile", cluster=cluster, test=test)
