"""Alerts: what happened, who wants to know, and what still has to be sent."""
