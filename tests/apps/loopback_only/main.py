"""Listens where no other machine, container or proxy reaches it."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), BaseHTTPRequestHandler).serve_forever()
