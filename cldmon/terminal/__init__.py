"""Output for terminals: tables, charts, CSV and the one-line form."""
