"""Alert channels: one folder or file per channel, with its rendering and delivery."""
