"""Turns a TOML file into a frozen, validated `Config`."""

import os

# A plugin, installed for another program, would see what is validated here, session keys included;
# and looking for plugins takes time. It is read when the first model is made.
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
