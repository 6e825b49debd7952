"""A person's own machine: reports the usage that Claude Code knows; standard library only."""
