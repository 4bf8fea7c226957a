"""The webhook: a listener process that strangers reach, and what the daemon does with what it hands over."""
