"""Where templates/ lies: inside the package in a wheel, beside it in a checkout."""

from functools import cache
from pathlib import Path


@cache
def templates_dir() -> Path:
    """Return the directory of the templates that came with this code. Raise FileNotFoundError if the installation is broken."""
    here = Path(__file__).resolve().parent
    for candidate in (here / "templates", here.parent / "templates"):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"no templates directory beside {here}; install deployhost again")


def read_template(name: str) -> str:
    """Return the text of a template, by its name such as "systemd/deployhostd.service"."""
    return (templates_dir() / name).read_text(encoding="utf-8")
