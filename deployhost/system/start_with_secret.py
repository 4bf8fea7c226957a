"""Starts a program that reads a secret from a file: the file is one of memory, which goes with the program.

So a service may run without root's rights, though only root may read the secret. It becomes the program, whose arguments
may have `{secret}` for the file and `{port}` for a free port of loopback. Standard library only: nothing of it stays.
"""

import argparse
import fcntl
import hashlib
import json
import os
import socket
import stat
import sys
from pathlib import Path

LONGEST = 64 * 1024  # bytes of a secret


def main(arguments: list[str] | None = None) -> int:
    """Become the program, or say on standard error why not and return 1."""
    parser = argparse.ArgumentParser(prog="start_with_secret")
    parser.add_argument("--secret", type=Path, required=True, help="file that holds the secret")
    parser.add_argument("--note", type=Path, required=True, help="file that says what runs")
    parser.add_argument("--ports", required=True, help="ports to choose from: FIRST-LAST")
    parser.add_argument("--watch", type=Path, required=True, help="file whose version the note says")
    parser.add_argument("program", nargs="+")
    given = parser.parse_args(arguments)
    try:
        secret = read_secret(given.secret)
        port = free_port(given.ports)
        write_note(given.note, note_of(given.program, given.watch, secret, port))
        filled = {"secret": f"/proc/self/fd/{memory_file(secret)}", "port": str(port)}
        argv = [argument.format(**filled) for argument in given.program]
        os.execvp(argv[0], argv)  # noqa: S606 - an argv list, and no shell is the point
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{given.program[0]} can't be started: {error}\n")
        return 1


def read_secret(path: Path) -> bytes:
    """Return what a file of ours holds, without white space around it. Raise OSError, ValueError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise ValueError(f"{path} is not a file of ours")
        data = file.read(LONGEST + 1).strip()
    if not data or len(data) > LONGEST:
        raise ValueError(f"{path} is empty or too long")
    return data


def memory_file(data: bytes) -> int:
    """Return a descriptor, which the program inherits, of a memory file with that content; nobody can change it."""
    descriptor = os.memfd_create("secret", os.MFD_ALLOW_SEALING)
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    fcntl.fcntl(
        descriptor,
        fcntl.F_ADD_SEALS,
        fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL,
    )
    return descriptor


def free_port(ports: str) -> int:
    """Return the first port of loopback that nobody has. Raise ValueError if there is none."""
    first, _, last = ports.partition("-")
    for port in range(int(first), int(last) + 1):
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what only the kernel still has is free
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ValueError(f"no port of {ports} is free on 127.0.0.1")


def note_of(program: list[str], watched: Path, secret: bytes, port: int) -> dict[str, object]:
    """Return what says what runs: by it one sees whether something else should."""
    return {
        "pid": os.getpid(),
        "program": program,
        "secret": hashlib.sha256(secret).hexdigest(),
        "file": file_stamp(watched),
        "port": port,
    }


def file_stamp(path: Path) -> str:
    """Return what tells one version of a file from another; "" if there is none."""
    try:
        about = path.stat()
    except OSError:
        return ""
    return f"{about.st_ino}:{about.st_size}:{about.st_mtime_ns}"


def write_note(path: Path, content: dict[str, object]) -> None:
    """Write a note, whole or not at all; its directory is made if it is missing. Raise OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(json.dumps(content), encoding="utf-8")
    new.replace(path)


if __name__ == "__main__":
    sys.exit(main())
