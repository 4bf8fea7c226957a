"""Listens on a port of its own choice, whatever $PORT says."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

VERSION = (Path(__file__).parent / "version.txt").read_text().strip()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = f"other_port {VERSION}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


HTTPServer(("0.0.0.0", 3000), Handler).serve_forever()
