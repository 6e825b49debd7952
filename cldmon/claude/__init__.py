"""Reads claude.ai with a real browser."""
