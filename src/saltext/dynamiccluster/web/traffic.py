"""What the admin server counts of itself."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Traffic:
    """Requests and listeners of one server."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nobody asks for
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "http_requests", "Requests to the admin server", ("method", "path", "status"), namespace="dynamiccluster", registry=self.registry
        )
        self._seconds = Histogram(
            "http_request_seconds", "How long requests take", ("path",), buckets=_SECONDS, namespace="dynamiccluster", registry=self.registry
        )
        self._listeners = Gauge("event_listeners", "Clients of /events", namespace="dynamiccluster", registry=self.registry)

    def count(self, method: str, path: str, status: int, seconds: float | None) -> None:
        """Count a request; `seconds` None for one that may last for hours by its nature."""
        self._requests.labels(method, path, str(status)).inc()
        if seconds is not None:
            self._seconds.labels(path).observe(seconds)

    def listen(self, listeners: int) -> None:
        self._listeners.set(listeners)
