"""Pure values and rules: windows, readings, freshness, ranges."""
