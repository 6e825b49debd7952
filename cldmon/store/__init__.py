"""What is on disk, and how it survives: history, state and subscriptions."""
