"""The Docker engine's answers (API 1.41, docs.docker.com/engine/api) read into values."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from deployhost.system.docker_model import CacheRecord, Container, Image, Listed, LogLine, Network

HIGHEST_PORT = 65535
LONGEST_LINE = (
    64 * 1024
)  # bytes of a line of a container's output; what a longer one has beyond them is dropped while it is read
NANO = 1_000_000_000  # the engine counts CPUs in billionths
_TIME = re.compile(r"(?P<second>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?P<fraction>\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d)")


def read_container(raw: dict[str, Any]) -> Container:
    """Return the container in the answer of GET /containers/{id}/json."""
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
        ip6s={name: net["GlobalIPv6Address"] for name, net in networks.items() if net.get("GlobalIPv6Address")},
        macs={name: net.get("MacAddress", "") for name, net in networks.items()},
        aliases={name: tuple(net.get("Aliases") or ()) for name, net in networks.items()},
        networks=tuple(networks),
        user=config.get("User", ""),
        oom_killed=bool(state.get("OOMKilled")),
        bindings=_bindings(host),
        mounts=tuple(sorted((m.get("Name") or m.get("Source", ""), m["Destination"]) for m in raw.get("Mounts") or ())),
        restart=(host.get("RestartPolicy") or {}).get("Name", ""),
        log_max_size=((host.get("LogConfig") or {}).get("Config") or {}).get("max-size", ""),
        created=raw.get("Created", ""),
        command=tuple(config.get("Cmd") or ()),
        env=tuple(config.get("Env") or ()),
        memory=host.get("Memory") or None,
        cpus=host["NanoCpus"] / NANO if host.get("NanoCpus") else None,
        pids_limit=max(host.get("PidsLimit") or 0, 0) or None,  # 0 and -1 both mean that there is none
        stop_timeout=config.get("StopTimeout"),
        cap_drop=_capabilities(host.get("CapDrop")),
        cap_add=_capabilities(host.get("CapAdd")),
        security_opt=tuple(host.get("SecurityOpt") or ()),
        health=(state.get("Health") or {}).get("Status"),
    )


def read_listed(raw: dict[str, Any]) -> Listed:
    """Return what one item of the answer of GET /containers/json says of a container."""
    networks = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    return Listed(
        id=raw["Id"],
        # A legacy link would be a second name, with a second slash.
        name=next((name[1:] for name in raw.get("Names") or () if name.count("/") == 1), ""),
        image_id=raw.get("ImageID", ""),
        status=raw.get("State", ""),
        labels=raw.get("Labels") or {},
        ips={name: net.get("IPAddress", "") for name, net in networks.items()},
        ip6s={name: net["GlobalIPv6Address"] for name, net in networks.items() if net.get("GlobalIPv6Address")},
    )


def read_network(raw: dict[str, Any]) -> Network:
    """Return the network in one item of the answer of GET /networks."""
    options = raw.get("Options") or {}
    ranges = (raw.get("IPAM") or {}).get("Config") or []
    return Network(
        name=raw["Name"],
        # What the bridge driver itself does where it was given no name (libnetwork, drivers/bridge).
        bridge=options.get("com.docker.network.bridge.name") or f"br-{raw['Id'][:12]}",
        ipv6=bool(raw.get("EnableIPv6")),
        subnets=tuple(one["Subnet"] for one in ranges if one.get("Subnet")),
        gateways=tuple(one["Gateway"].partition("/")[0] for one in ranges if one.get("Gateway")),
    )


def _capabilities(names: list[str] | None) -> tuple[str, ...]:
    # Engines answer with what they were given, CHOWN or CAP_CHOWN: compared, they must be the same.
    return tuple(sorted(name.upper().removeprefix("CAP_") for name in names or ()))


def _bindings(host: dict[str, Any]) -> tuple[tuple[int, str, int], ...]:
    found = []
    for key, bound in (host.get("PortBindings") or {}).items():
        port = int(key.partition("/")[0])
        found += [(port, b.get("HostIp", ""), int(b.get("HostPort") or 0)) for b in bound or ()]
    return tuple(sorted(found))


def read_cache_record(raw: dict[str, Any]) -> CacheRecord:
    """Return the record in one item of BuildCache of the answer of GET /system/df."""
    created = _seconds(raw.get("CreatedAt"))
    return CacheRecord(
        id=raw["ID"],
        size=int(raw.get("Size") or 0),
        in_use=bool(raw.get("InUse")),
        shared=bool(raw.get("Shared")),
        created=created,
        last_used=_seconds(raw.get("LastUsedAt")) or created,
    )


def _seconds(text: str | None) -> float:
    """Return unix seconds for a time as Go writes it (RFC 3339, nanoseconds); 0 for none."""
    match = _TIME.fullmatch(text or "")
    if match is None:
        return 0.0
    zone = "+00:00" if match["zone"] == "Z" else match["zone"]
    whole = datetime.fromisoformat(match["second"] + zone).timestamp()
    return 0.0 if whole < 0 else whole + float(match["fraction"] or 0)


def read_image(raw: dict[str, Any]) -> Image:
    """Return the image in the answer of GET /images/{name}/json."""
    config = raw.get("Config") or {}
    ports = [key.partition("/") for key in config.get("ExposedPorts") or {}]
    return Image(
        id=raw["Id"],
        tags=tuple(raw.get("RepoTags") or ()),
        labels=config.get("Labels") or {},
        user=config.get("User", ""),
        exposed=tuple(sorted(int(port) for port, _, kind in ports if kind in ("tcp", "") and _is_port(port))),
        created=raw.get("Created", ""),
        env=tuple(config.get("Env") or ()),
        digests=tuple(raw.get("RepoDigests") or ()),
        on_build=tuple(config.get("OnBuild") or ()),
    )


def _is_port(text: str) -> bool:
    # A builder's frontend may write anything into an image.
    return re.fullmatch(r"[0-9]{1,5}", text) is not None and 0 < int(text) <= HIGHEST_PORT


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
            partial[kind] = partial[kind][:LONGEST_LINE]
            yield from (_log_line(kind, line[:LONGEST_LINE], timestamps=timestamps) for line in lines)
    yield from (_log_line(kind, rest, timestamps=timestamps) for kind, rest in partial.items() if rest)


def _log_line(kind: int, raw: bytes, *, timestamps: bool) -> LogLine:
    text = raw.decode("utf-8", "replace").rstrip("\r")
    at = ""
    if timestamps:
        at, _, text = text.partition(" ")
    return LogLine("stderr" if kind == 2 else "stdout", text, at)
