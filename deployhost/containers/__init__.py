"""What a release runs in: how its containers are made, started and judged ready."""
