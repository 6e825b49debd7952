"""What people's machines report: checked, kept in files, and given to the pass; their tokens."""
