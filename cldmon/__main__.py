"""`python -m cldmon` is the same as `cldmon`."""

from cldmon.cli import main

main()
