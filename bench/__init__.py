"""The benchmarks: `scripts/bench`. Every ratio is to a reference in the same run.

Each part is a module with `measure(effort) -> PartResult`; `__main__` lists them.
"""
