"""The admin server: REST API, live events, metrics and the dashboard, on the engine's own loop."""
