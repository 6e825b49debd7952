"""The composition root: builds the real parts from options, environment and configuration."""
