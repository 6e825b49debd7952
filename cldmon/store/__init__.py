"""What is on disk, and how it survives: history, state and subscriptions."""

PASS_LOCK = "fetch.lock"  # noqa: S105 - no password
"""The file in data_dir that a pass holds locked."""

HEALTH_LOG = "health.log"
"""The file in data_dir that health checks append to."""
