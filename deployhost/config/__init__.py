"""What the person wants: apps.yml, server.yml and the apps' environment variables."""
