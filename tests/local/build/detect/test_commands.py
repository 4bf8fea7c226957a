"""Starts of repositories, run as the shell would have run them."""

import subprocess

from deployhost.build.detect.commands import start_of


def test_what_a_start_runs_is_what_the_shell_would_have_run() -> None:
    for command in ("printf %s $((1+1))", "A=1 printenv A", "true && printf '%s' \"a && b\"", "X='1 2' printenv X"):
        plain = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True, timeout=10)
        started = subprocess.run(start_of(command).argv, capture_output=True, check=True, timeout=10)
        assert started.stdout == plain.stdout
