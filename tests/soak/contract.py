"""Run contract tests, or end-to-end tests, where this is run: on a fresh server of its own, by the Python that deployhost runs in.

    python tests/soak/in_fresh_server.py --suite trixie -- tests/soak/contract.py tests/contract/test_host_isolation_real_docker.py

A server's own Python has no pytest: it is installed beside what it has.
"""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
NEEDED = ("pytest>=8.3", "hypothesis")
NEEDED_BY_DOUBLES = ("cloudflare>=5.9,<6", "jsonschema-rs>=0.29")  # which end-to-end tests import


def main(arguments: list[str]) -> int:
    """Return pytest's exit code for the files that are named."""
    if subprocess.run([sys.executable, "-c", "import pytest"], check=False, capture_output=True).returncode:
        doubles = NEEDED_BY_DOUBLES if any("tests/e2e" in one for one in arguments) else ()
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", *NEEDED, *doubles], check=True)
    argv = [sys.executable, "-m", "pytest", "-q", "-ra", "--import-mode=importlib", "-p", "no:cacheprovider"]
    return subprocess.run([*argv, "-o", "pythonpath=.", *arguments], cwd=CHECKOUT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
