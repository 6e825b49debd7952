"""Imports the configuration and data of the Node version."""
