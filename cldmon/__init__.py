"""How much of each Claude subscription is used, now and over time."""

__version__ = "0.1.0"
