"""
Scale a batch cluster: launch worker nodes when jobs wait, remove them when they are idle.

Settings come from the pillar of the master's own minion id, key ``dynamiccluster`` (see ``pillar.example``).

.. code-block:: yaml

    # /etc/salt/master.d/dynamiccluster.conf
    engines:
      - dynamiccluster: {}

    # Salt 3008: the master tells the engine which one-time token a waiting minion showed
    auth_events_autosign_grains: [pend]

Options, all optional: ``minion_id`` (whose pillar holds the settings), ``cluster`` (the name that those settings must have; needed where one master
runs several clusters, each under a name of its own with ``engine_module: dynamiccluster``), ``master`` (the address under which
worker nodes reach this master).
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


def start(minion_id=None, cluster=None, master=None):
    """
    Run the engine until the master ends it.

    minion_id
        The minion id whose pillar holds the settings. Default: the master's own id.

    cluster
        The name that the settings must have.

    master
        The address under which worker nodes reach this master. Default: its ``interface``, or its host name.
    """
    from saltext.dynamiccluster.salt.engine import run

    run(__opts__, minion_id=minion_id, cluster=cluster, master=master)  # noqa: F821, Salt puts __opts__ here
