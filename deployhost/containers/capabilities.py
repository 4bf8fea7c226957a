"""What a container of an app may do beyond an ordinary user. Pure."""

ALL = "ALL"

# What an image needs that starts as root to prepare its storage, and then runs as another user. All the rest that Docker
# gives by default goes: raw sockets (NET_RAW: to take another container's address), device nodes (MKNOD), SYS_CHROOT,
# SETPCAP, SETFCAP, FSETID and AUDIT_WRITE.
OF_ROOT = (
    "CHOWN",  # give /storage to the user that the app will run as
    "DAC_OVERRIDE",  # read and write what that user owns, /storage among it
    "FOWNER",  # chmod it
    "KILL",  # the script that is PID 1 hands a signal on to the app, which has another uid by then
    "NET_BIND_SERVICE",  # listen on port 80, where the network's own setting does not allow it to all
    "SETGID",  # become that user: its groups …
    "SETUID",  # … and its uid (su, gosu, setpriv)
)


def capabilities(generated: bool, user: str) -> tuple[str, ...]:
    """Return the capabilities of an image's containers, all others being dropped; `generated` is whether deployhost wrote its Dockerfile.

    None at all, but for a repository's own Dockerfile that starts as root. Without any, a program can still listen on
    port 80 of its container: Docker from 20.10 on allows it (moby, daemon/oci_linux.go).
    """
    return OF_ROOT if not generated and starts_as_root(user) else ()


def starts_as_root(user: str) -> bool:
    """Return whether an image's USER ("", "name", "uid", "name:group") is root."""
    name = user.partition(":")[0]
    return name in ("", "root") or (name.isascii() and name.isdigit() and int(name) == 0)
