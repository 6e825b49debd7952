"""What is asked so often, or waited for so closely, that it is answered without the command line.

click and dataclasses alone take five times as long to load as Python does to start. A room answers
what it knows by heart; all else, and whatever goes wrong, is the business of `cldmon.cli`.
"""
