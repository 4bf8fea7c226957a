"""Python apps: what starts them, what they need, which version."""
