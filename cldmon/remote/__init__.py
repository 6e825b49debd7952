"""Reads a running `cldmon serve` over HTTP, for `--server`."""
