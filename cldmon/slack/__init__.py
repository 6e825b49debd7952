"""Alerts over Slack: messages, delivery and the member list."""
