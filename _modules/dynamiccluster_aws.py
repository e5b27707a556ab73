"""
Machines of a resource on EC2 by hand, under salt-cloud's function names.

Works on the minion whose pillar holds ``dynamiccluster`` (the master's own), and on the master itself:

.. code-block:: bash

    salt-run salt.cmd dynamiccluster_aws.list_nodes compute

These functions work beside the engine. To get a node that serves jobs use ``salt-run dynamiccluster.add``; to let one go without
harm to its jobs, ``salt-run dynamiccluster.remove``. Only machines that carry the resource's owner tags are ever shown or ended.
"""

from __future__ import annotations

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
    from saltext.dynamiccluster.salt import byhand

    problem = byhand.may_load(__opts__, __pillar__)  # noqa: F821, Salt puts __opts__ and __pillar__ here
    return (False, problem) if problem else __virtualname__


def _call(function, resource, *arguments, **named):
    from saltext.dynamiccluster.clouds.aws import functions
    from saltext.dynamiccluster.salt import byhand

    return byhand.call(functions, function, __opts__, __pillar__, resource, *arguments, **named)  # noqa: F821, Salt puts these here


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
    return _call("create", resource, name, cluster=cluster)


def destroy(resource, name, cluster=None):
    """
    End one machine of a resource at once, by name or instance id. Its jobs are not awaited: the engine sees it gone and requeues
    what can be requeued. ``salt-run dynamiccluster.remove`` waits for them.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_aws.destroy compute wn-4f6k2a
    """
    return _call("destroy", resource, name, cluster=cluster)


def console(resource, name, lines=200, cluster=None):
    """
    Show the last lines that a machine wrote on its console: why it does not come up. (salt-cloud's ``get_console_output``.)

    EC2 keeps the last 64 KiB and is some minutes late with them. It needs the right ``ec2:GetConsoleOutput``.

    lines
        How many.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_aws.console compute wn-4f6k2a
        salt-run salt.cmd dynamiccluster_aws.console compute wn-4f6k2a lines=50
    """
    return _call("console", resource, name, lines, cluster=cluster)


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
