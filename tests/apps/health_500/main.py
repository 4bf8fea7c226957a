"""Starts well and fails every request."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        print("no such table: users", flush=True)
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()


HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
