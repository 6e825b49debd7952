"""Checks everything cldmon depends on and suggests fixes."""
