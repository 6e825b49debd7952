"""Simulated claude.ai and Slack, and the scenario that `cldmon demo` plays."""
