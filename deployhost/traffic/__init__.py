"""Which container gets an app's requests, and which apps may reach each other."""
