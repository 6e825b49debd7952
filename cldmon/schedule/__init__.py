"""systemd units and the crontab block: written, installed, checked and removed."""
