"""Slack: rendering, delivery and the member list."""
