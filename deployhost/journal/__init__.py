"""What happened: deploys, releases, what is live, in SQLite; and each deploy's events, in a file."""
