"""From a TOML file to a `Config`; the only home of pydantic."""

import os

# A plugin, installed for another program, would see what is validated here, session keys included;
# and looking for plugins takes time. It is read when the first model is made.
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
