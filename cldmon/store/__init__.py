"""The files on disk: history, state and subscriptions."""
