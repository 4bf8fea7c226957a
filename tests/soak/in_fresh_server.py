"""Run something on a fresh server of its own (Debian in a container, with its own Docker), where killing dockerd harms nobody.

    python tests/soak/in_fresh_server.py -- tests/soak/kills.py --target dockerd --rounds 3
    python tests/soak/in_fresh_server.py --systemd --no-userland-proxy -- tests/soak/kills.py --target dockerd
    python tests/soak/in_fresh_server.py --suite trixie -- tests/soak/attacks_on_builds.py + tests/soak/attackers.py --only long

deployhost is installed there from a wheel of this checkout, and the base images of this machine are carried over. What is run
are scripts of this checkout, one after the other, by the Python that deployhost runs in.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e.fresh_server.server import FreshServer, fresh_server, host, make_parts

CHECKOUT = Path(__file__).resolve().parents[2]
THERE = "/root/checkout"
BASES = ("python:3.13-slim", "node:24-slim", "nginx:stable")
STAND_INS = "deployhost/stand-in"  # under these names it is known that the bases were made, and how
PYTHON = "/opt/deployhost/current/bin/python"


def prepare(server: FreshServer, *, userland_proxy: bool, kamal: bool) -> None:
    """Given a server that has booted, install deployhost there, with Kamal's CLI too, and carry over the tests and the base images."""
    if not userland_proxy:
        server.run("mkdir", "-p", "/etc/docker")
        server.write(json.dumps({"live-restore": True, "userland-proxy": False}), "/etc/docker/daemon.json")
    print(server.install("--local"), flush=True)
    server.run("mkdir", "-p", THERE)
    server.copy(CHECKOUT / "tests", f"{THERE}/tests")
    carry_bases(server)
    server.run("apt-get", "install", "--yes", "--quiet", "e2fsprogs")  # for scripts with a disk of their own
    if kamal:
        print(server.run("deployhost", "setup", "--local", "--kamal", "--yes"), flush=True)


def carry_bases(server: FreshServer) -> None:
    """Give the server's Docker the base images that this machine has."""
    here = [base for base in BASES if host("docker", "images", "--quiet", base).strip()]
    here += host("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", STAND_INS).split()
    with tempfile.TemporaryDirectory() as directory:
        saved = Path(directory) / "bases.tar"
        host("docker", "save", "--output", str(saved), *here)
        server.copy(saved, "/root/bases.tar")
    server.run("docker", "load", "--input", "/root/bases.tar")
    server.run("rm", "/root/bases.tar")


def scripts(words: Sequence[str]) -> list[list[str]]:
    """Return each script with its arguments; a "+" stands between two."""
    found: list[list[str]] = [[]]
    for word in words:
        if word == "+":
            found.append([])
        else:
            found[-1].append(word)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Boot the server, run the scripts there, and return the highest exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--suite", default="bookworm", help="the Debian release")
    parser.add_argument("--systemd", action="store_true", help="with systemd as PID 1, else supervised")
    parser.add_argument("--no-userland-proxy", action="store_true", help="publish ports by iptables alone")
    parser.add_argument("--kamal", action="store_true", help="with Kamal's CLI")
    parser.add_argument("--limit", type=float, default=7200, help="seconds for each script")
    parser.add_argument(
        "--purpose", default="", help="a part of the server's name: those of other purposes run beside it"
    )
    parser.add_argument("script", nargs="+", help="a script of this checkout and its arguments; more of them after a +")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        parts = make_parts(Path(directory))
        with fresh_server(asked.suite, parts, systemd=asked.systemd, purpose=asked.purpose, loops=True) as server:
            prepare(server, userland_proxy=not asked.no_userland_proxy, kamal=asked.kamal)
            there = ("docker", "exec", f"--workdir={THERE}", server.container, PYTHON)
            codes = []
            for script in scripts(asked.script):
                print("==", *script, flush=True)
                codes.append(subprocess.run([*there, *script], timeout=asked.limit, check=False).returncode)
            return max(codes)


if __name__ == "__main__":
    sys.exit(main())
