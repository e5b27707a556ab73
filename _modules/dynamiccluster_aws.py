"""
Machines of a resource on EC2 by hand, under salt-cloud's function names.

Works on the minion whose pillar holds ``dynamiccluster`` (the master's own), and on the master itself:

.. code-block:: bash

    salt-run salt.cmd dynamiccluster_aws.list_nodes compute

These functions work beside the engine. To get a node that serves jobs use ``salt-run dynamiccluster.add``; to let one go without
harm to its jobs, ``salt-run dynamiccluster.remove``. Only machines that carry the resource's owner tags are ever shown or ended.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError

__version__ = "2.0.0"
__virtualname__ = "dynamiccluster_aws"
_SYNC = "sync or install again, so that both are the same"


def __virtual__():
    try:
        from saltext.dynamiccluster import __version__ as library
    except ImportError as error:
        return False, f"the library is not in Salt's Python ({error}): salt-pip install 'saltext.dynamiccluster[aws]'"
    if library != __version__:
        return False, f"this file is version {__version__}, the installed library {library}: {_SYNC}"
    try:
        import botocore  # noqa: F401
    except ImportError:
        return False, "boto3 is not in Salt's Python: salt-pip install 'saltext.dynamiccluster[aws]'"
    if not _on_master() and "dynamiccluster" not in __pillar__:  # noqa: F821, Salt puts __pillar__ here
        return False, "this minion's pillar holds no dynamiccluster; the settings belong to the master's own minion only"
    return __virtualname__


def _on_master():
    return __opts__.get("__role") == "master"  # noqa: F821, and __opts__


def _settings(cluster=None):
    if not _on_master():
        from saltext.dynamiccluster.settings import load

        return load(__pillar__["dynamiccluster"])  # noqa: F821
    from saltext.dynamiccluster.salt import pillar

    return pillar.load_settings(__opts__, _settings_id(cluster))  # noqa: F821


def _settings_id(cluster):
    """Return the id whose pillar holds the settings. Where there is one cluster, its engine need never have run."""
    from saltext.dynamiccluster.salt import runner

    engines = runner.engine_options(__opts__)  # noqa: F821
    if cluster is None and len(engines) <= 1:
        return (engines[0] if engines else {}).get("minion_id") or __opts__["id"]  # noqa: F821
    return runner.settings_id(__opts__, runner.pick_cluster(__opts__, cluster))  # noqa: F821


def _call(function, resource, *arguments, **named):
    """Call a function of the library; every failure of ours is one sentence and a non-zero exit status."""
    from saltext.dynamiccluster.clouds.aws import functions
    from saltext.dynamiccluster.errors import DynamicClusterError

    cluster = named.pop("cluster", None)
    try:
        settings = _settings(cluster)
        aws = functions.open_resource(settings, resource)
        if function == "create":
            arguments = (settings.cloud[resource], *arguments)
        return getattr(functions, function)(aws, *arguments, **named)
    except (DynamicClusterError, ValueError, OSError) as error:
        raise CommandExecutionError(str(error)) from None


def list_nodes(resource, cluster=None):
    """
    List the living machines of a resource: id, image, size, state and addresses.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_aws.list_nodes compute
    """
    return _call("list_nodes", resource, cluster=cluster)


def list_nodes_full(resource, cluster=None):
    """
    List the living machines of a resource with all that is known of them.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_aws.list_nodes_full compute
    """
    return _call("list_nodes_full", resource, cluster=cluster)


def show_instance(resource, name, cluster=None):
    """
    Show one machine of a resource, by name or instance id; an ended one as long as EC2 remembers it.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_aws.show_instance compute wn-4f6k2a
    """
    return _call("show_instance", resource, name, cluster=cluster)


def create(resource, name=None, cluster=None):
    """
    Launch one machine with the resource's settings, name and owner tags; the same name again returns the same machine.

    The engine adopts it at its next look at the cloud and counts it against ``quantity: max`` (which this function respects as well). Its
    user-data holds no one-time token, so its minion's key stays pending until you accept it. ``salt-run dynamiccluster.add``
    does all of it for you.

    name
        A new name; without one the resource's prefix and six random characters. A name is used once.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_aws.create compute
        salt-run salt.cmd dynamiccluster_aws.create compute wn-test1
    """
    return _call("create", resource, name, cluster=cluster, master=_master())


def destroy(resource, name, cluster=None):
    """
    End one machine of a resource at once, by name or instance id. Its jobs are not awaited: the engine sees it gone and requeues
    what can be requeued. ``salt-run dynamiccluster.remove`` waits for them.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_aws.destroy compute wn-4f6k2a
    """
    return _call("destroy", resource, name, cluster=cluster)


def avail_sizes(resource, cluster=None):
    """
    List the instance types of the resource's region: cores, memory in MiB, GPUs.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_aws.avail_sizes compute
    """
    return _call("avail_sizes", resource, cluster=cluster)


def avail_images(resource, owner="self", cluster=None):
    """
    List images in the resource's region.

    owner
        Whose: ``self``, ``amazon``, or an account's number.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_aws.avail_images compute
        salt-run salt.cmd dynamiccluster_aws.avail_images compute owner=136693071363
    """
    return _call("avail_images", resource, str(owner), cluster=cluster)


def avail_locations(resource, cluster=None):
    """
    List the availability zones of the resource's region.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_aws.avail_locations compute
    """
    return _call("avail_locations", resource, cluster=cluster)


def _master():
    if _on_master():
        from saltext.dynamiccluster.salt.wiring import master_address

        return master_address(__opts__)  # noqa: F821
    return str(__opts__.get("master") or "")  # noqa: F821
