"""A Flask app as people write it: no server named anywhere."""

import os
from pathlib import Path

from flask import Flask

app = Flask(__name__)
VERSION = (Path(__file__).parent / "version.txt").read_text().strip()


@app.get("/")
def index() -> str:
    return f"python {VERSION}\n"


@app.get("/env/<name>")
def env(name: str) -> str:
    return os.environ.get(name, "")
