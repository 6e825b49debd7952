"""What cldmon costs, in one table: `scripts/bench`. Every ratio is to a named reference in one run.

A part of the table is a module with `measure(effort) -> PartResult`; `__main__` names them all.
"""
