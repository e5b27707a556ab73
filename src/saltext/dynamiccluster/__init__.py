"""Dynamic Cluster: elastic batch clusters run by Salt."""

__version__ = "2.0.0"
