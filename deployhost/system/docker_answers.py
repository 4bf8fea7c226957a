"""The Docker engine's answers (API 1.41, docs.docker.com/engine/api) read into values."""

from collections.abc import Iterator
from typing import Any

from deployhost.system.docker_model import Container, Image, LogLine


def read_container(raw: dict[str, Any]) -> Container:
    """Given the answer of GET /containers/{id}/json, return the container."""
    state, config, host = raw["State"], raw["Config"], raw.get("HostConfig") or {}
    networks = raw.get("NetworkSettings", {}).get("Networks") or {}
    return Container(
        id=raw["Id"],
        name=raw["Name"].lstrip("/"),
        image=config.get("Image", ""),
        image_id=raw.get("Image", ""),
        status=state.get("Status", ""),
        pid=int(state.get("Pid", 0)),
        exit_code=int(state.get("ExitCode", 0)),
        started_at=state.get("StartedAt", ""),
        restart_count=int(raw.get("RestartCount", 0)),
        labels=config.get("Labels") or {},
        ips={name: net.get("IPAddress", "") for name, net in networks.items()},
        networks=tuple(networks),
        user=config.get("User", ""),
        oom_killed=bool(state.get("OOMKilled")),
        bindings=_bindings(host),
        mounts=tuple(sorted((m.get("Name") or m.get("Source", ""), m["Destination"]) for m in raw.get("Mounts") or ())),
        restart=(host.get("RestartPolicy") or {}).get("Name", ""),
        log_max_size=((host.get("LogConfig") or {}).get("Config") or {}).get("max-size", ""),
    )


def _bindings(host: dict[str, Any]) -> tuple[tuple[int, str, int], ...]:
    found = []
    for key, bound in (host.get("PortBindings") or {}).items():
        port = int(key.partition("/")[0])
        found += [(port, b.get("HostIp", ""), int(b.get("HostPort") or 0)) for b in bound or ()]
    return tuple(sorted(found))


def read_image(raw: dict[str, Any]) -> Image:
    """Given the answer of GET /images/{name}/json, return the image."""
    config = raw.get("Config") or {}
    ports = [key.partition("/") for key in config.get("ExposedPorts") or {}]
    return Image(
        id=raw["Id"],
        tags=tuple(raw.get("RepoTags") or ()),
        labels=config.get("Labels") or {},
        user=config.get("User", ""),
        exposed=tuple(sorted(int(port) for port, _, kind in ports if kind in ("tcp", "") and port.isdigit())),
        created=raw.get("Created", ""),
    )


def read_log(chunks: Iterator[bytes], *, timestamps: bool) -> Iterator[LogLine]:
    """Parse the engine's multiplexed stream: 8 bytes of header (stream, 0, 0, 0, length big-endian), then the payload."""
    buffer = b""
    partial = {1: b"", 2: b""}
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= 8:
            kind, length = buffer[0], int.from_bytes(buffer[4:8], "big")
            if len(buffer) < 8 + length:
                break
            payload, buffer = buffer[8 : 8 + length], buffer[8 + length :]
            *lines, partial[kind] = (partial.get(kind, b"") + payload).split(b"\n")
            yield from (_log_line(kind, line, timestamps=timestamps) for line in lines)
    yield from (_log_line(kind, rest, timestamps=timestamps) for kind, rest in partial.items() if rest)


def _log_line(kind: int, raw: bytes, *, timestamps: bool) -> LogLine:
    text = raw.decode("utf-8", "replace").rstrip("\r")
    at = ""
    if timestamps:
        at, _, text = text.partition(" ")
    return LogLine("stderr" if kind == 2 else "stdout", text, at)
