"""Turns a TOML file into a frozen, validated `Config`."""
