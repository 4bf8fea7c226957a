"""How long the commands take to start, beside the interpreter alone, and how much memory the idle daemon holds.

    python tests/bench/startup.py --runs 20 --json startup.json

Each command is run as often as `python -c pass`, one after the other in turns, so that a noisy machine disturbs all alike.
Memory is read from /proc/PID/smaps_rollup: Rss counts shared pages (the interpreter, libc) whole, Pss by this process's share.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.real.system_under_test import CHECKOUT, command, server

# What the hook of a repository starts, less a push: imports of the client and one question to the daemon.
HOOK = (
    "import sys; sys.path.insert(0, sys.argv[1]); import deployhost.control.hook; "
    "from deployhost.control.client import call; call(sys.argv[2], 'ping')"
)


def interpreter() -> str:
    """Return the interpreter that the installed command runs with: its first line names it."""
    first = Path(command()).resolve().read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    return first.removeprefix("#!").strip() if first.startswith("#!/") and " " not in first else sys.executable


def commands() -> dict[str, list[str]]:
    """Return what is timed, by name."""
    python, socket = interpreter(), "/run/deployhost/control.sock"
    return {
        "python -c pass": [python, "-c", "pass"],
        "deployhost --help": [command(), "--help"],
        "deployhost version --json": [command(), "version", "--json"],
        "deployhost status --json": [command(), "status", "--json"],
        "python -I -S -c pass": [python, "-I", "-S", "-c", "pass"],
        "git hook's client, one question": [python, "-I", "-S", "-c", HOOK, package_parent(python), socket],
    }


def package_parent(python: str) -> str:
    """Given an interpreter, return the directory from which it imports deployhost."""
    found = subprocess.run(
        [python, "-c", "import deployhost, pathlib; print(pathlib.Path(deployhost.__file__).parents[1])"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    return found.stdout.strip() or str(CHECKOUT)


def timed(argv: Sequence[str], environment: Mapping[str, str]) -> float:
    """Given an argv, run it and return its milliseconds. Raise CalledProcessError if it fails."""
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=dict(environment))
    return (time.perf_counter() - began) * 1000


def memory(pid: int) -> dict[str, float]:
    """Given a process, return its resident memory in MB as the kernel sums it up."""
    wanted = {"Rss", "Pss", "Private_Dirty"}
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    fields = (line.split() for line in lines)
    return {field[0][:-1]: round(int(field[1]) / 1024, 1) for field in fields if field[0][:-1] in wanted}


def main(arguments: Sequence[str] | None = None) -> int:
    """Time everything, print the table, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--json", type=Path, help="write the figures there")
    asked = parser.parse_args(arguments)
    what = commands()
    # Byte code is kept, as it is where deployhost is installed: some machines switch that off.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    times: dict[str, list[float]] = {name: [] for name in what}
    for argv in what.values():
        timed(argv, environment)  # byte code and the page cache are warm in everyday use
    for _ in range(asked.runs):
        for name, argv in what.items():
            times[name].append(timed(argv, environment))
    medians = {name: round(statistics.median(values), 1) for name, values in times.items()}
    pid = int(server()["pid"])
    held = memory(pid)

    print(f"{'median of ' + str(asked.runs) + ' runs':<36}{'ms':>8}")
    for name, value in medians.items():
        print(f"{name:<36}{value:>8.1f}")
    print(f"\ndeployhostd (pid {pid}), /proc/{pid}/smaps_rollup: " + ", ".join(f"{k} {v} MB" for k, v in held.items()))
    if asked.json:
        asked.json.write_text(
            json.dumps({"runs": asked.runs, "median_ms": medians, "memory_mb": held}, indent=2) + "\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
