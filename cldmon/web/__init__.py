"""The HTTP API, the login, the metrics endpoint and the dashboard."""
