"""
Servers of a resource on OpenStack by hand, under salt-cloud's function names.

Works on the minion whose pillar holds ``dynamiccluster`` (the master's own), and on the master itself:

.. code-block:: bash

    salt-run salt.cmd dynamiccluster_openstack.list_nodes compute

These functions work beside the engine. To get a node that serves jobs use ``salt-run dynamiccluster.add``; to let one go without
harm to its jobs, ``salt-run dynamiccluster.remove``. Only machines that carry the resource's owner metadata are ever shown or ended.
"""

from __future__ import annotations

__version__ = "2.0.0"
__virtualname__ = "dynamiccluster_openstack"
_SYNC = "sync or install again, so that both are the same"


def __virtual__():
    try:
        from saltext.dynamiccluster import __version__ as library
    except ImportError as error:
        return False, f"the library is not in Salt's Python ({error}): salt-pip install 'saltext.dynamiccluster[openstack]'"
    if library != __version__:
        return False, f"this file is version {__version__}, the installed library {library}: {_SYNC}"
    try:
        import keystoneauth1  # noqa: F401
        import novaclient  # noqa: F401
    except ImportError:
        return False, "python-novaclient is not in Salt's Python: salt-pip install 'saltext.dynamiccluster[openstack]'"
    from saltext.dynamiccluster.salt import byhand

    problem = byhand.may_load(__opts__, __pillar__)  # noqa: F821, Salt puts __opts__ and __pillar__ here
    return (False, problem) if problem else __virtualname__


def _call(function, resource, *arguments, **named):
    from saltext.dynamiccluster.clouds.openstack import functions
    from saltext.dynamiccluster.salt import byhand

    return byhand.call(functions, function, __opts__, __pillar__, resource, *arguments, **named)  # noqa: F821, Salt puts these here


def list_nodes(resource, cluster=None):
    """
    List the living machines of a resource: id, image, size, state and addresses.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_openstack.list_nodes compute
    """
    return _call("list_nodes", resource, cluster=cluster)


def list_nodes_full(resource, cluster=None):
    """
    List the living machines of a resource with all that is known of them.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_openstack.list_nodes_full compute
    """
    return _call("list_nodes_full", resource, cluster=cluster)


def show_instance(resource, name, cluster=None):
    """
    Show one machine of a resource, by name or id.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_openstack.show_instance compute wn-4f6k2a
    """
    return _call("show_instance", resource, name, cluster=cluster)


def create(resource, name=None, cluster=None):
    """
    Launch one machine with the resource's settings, name and owner metadata; the same name again returns the same machine.

    The engine adopts it at its next look at the cloud and counts it against ``quantity: max`` (which this function respects as well). Its
    user-data holds no one-time token, so its minion's key stays pending until you accept it. ``salt-run dynamiccluster.add``
    does all of it for you.

    name
        A new name; without one the resource's prefix and six random characters. A name is used once.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_openstack.create compute
        salt-run salt.cmd dynamiccluster_openstack.create compute wn-test1
    """
    return _call("create", resource, name, cluster=cluster)


def destroy(resource, name, cluster=None):
    """
    End one machine of a resource at once, by name or id. Its jobs are not awaited: the engine sees it gone and requeues
    what can be requeued. ``salt-run dynamiccluster.remove`` waits for them.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_openstack.destroy compute wn-4f6k2a
    """
    return _call("destroy", resource, name, cluster=cluster)


def console(resource, name, lines=200, cluster=None):
    """
    Show the last lines that a machine wrote on its console: why it does not come up.

    lines
        How many.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_openstack.console compute wn-4f6k2a
        salt-run salt.cmd dynamiccluster_openstack.console compute wn-4f6k2a lines=50
    """
    return _call("console", resource, name, lines, cluster=cluster)


def avail_sizes(resource, cluster=None):
    """
    List the flavors that the project may use: id, cores, memory in MiB, GPUs.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_openstack.avail_sizes compute
    """
    return _call("avail_sizes", resource, cluster=cluster)


def avail_images(resource, visibility="all", cluster=None):
    """
    List images that the project sees.

    visibility
        ``public``, ``private``, ``shared``, ``community`` or ``all``.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_openstack.avail_images compute
        salt-run salt.cmd dynamiccluster_openstack.avail_images compute visibility=private
    """
    return _call("avail_images", resource, str(visibility), cluster=cluster)


def avail_locations(resource, cluster=None):
    """
    List the availability zones of the resource's region.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd dynamiccluster_openstack.avail_locations compute
    """
    return _call("avail_locations", resource, cluster=cluster)
