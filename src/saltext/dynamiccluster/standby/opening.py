"""Which kind of shared place an address means."""

from __future__ import annotations

from urllib.parse import urlsplit

from .place import Place


def open_place(url: str, cluster: str, member: str, lease: float) -> Place:
    """Return the place at this address. Raises PlaceUnreachable, and ImportError where tooz or redis is missing."""
    if urlsplit(url).scheme == "file":
        # each here, so that nobody needs the packages of the other kind
        from .files import FilePlace

        return FilePlace(urlsplit(url).path, cluster, member)
    from .server import RedisPlace

    return RedisPlace(url, cluster, member, lease)
