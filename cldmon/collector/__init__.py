"""One pass: reads every account once, commits the readings, delivers the alerts."""
