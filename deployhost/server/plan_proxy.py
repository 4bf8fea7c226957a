"""Which steps make kamal-proxy what it shall be. Pure."""

from collections.abc import Iterator

from deployhost.kamal import contract
from deployhost.server.facts import ProxyFacts, ServerFacts, WantedServer, apps_config
from deployhost.server.steps import CreateProxy, ExtractProxyBinary, ObtainProxyImage, StartProxyContainer
from deployhost.steps import Step

LOOPBACK = "127.0.0.1"
LOG_MAX_SIZE = "10m"


def plan_proxy(facts: ServerFacts, wanted: WantedServer) -> Iterator[Step]:
    """Yield the steps that kamal-proxy needs."""
    if not facts.proxy_image:
        yield ObtainProxyImage(
            what=f"get kamal-proxy's image ({contract.PROXY_VERSION})",
            why="it receives requests and switches between releases without losing any",
            file=wanted.proxy_image,
        )
    if not facts.proxy_binary or facts.proxy_binary != facts.proxy_image:
        yield ExtractProxyBinary(what="copy kamal-proxy's program to the host", why="a call takes 10 ms there, not 90")
    proxy = facts.proxy
    if proxy is None:
        yield CreateProxy(
            what=f"start kamal-proxy on {LOOPBACK}:{wanted.http_port}",
            why="it receives the requests of all apps",
            port=wanted.http_port,
        )
        return
    wrong = _wrong_with(proxy, wanted)
    if wrong:
        yield CreateProxy(
            what=f"replace kamal-proxy with one on {LOOPBACK}:{wanted.http_port}",
            why=f"{wrong}; its routes are kept",
            port=wanted.http_port,
            drops=_dropped(proxy),
        )
    elif not proxy.running:
        yield StartProxyContainer(what="start kamal-proxy", why="it is not running")


def _wrong_with(proxy: ProxyFacts, wanted: WantedServer) -> str:
    mounts = {
        (contract.PROXY_CONFIG_VOLUME, contract.PROXY_CONFIG_PATH),
        (str(apps_config(wanted.paths)), contract.PROXY_APPS_CONFIG_PATH),
    }
    published = ", ".join(_shown(address, port) for _, address, port in proxy.bindings) or "no port"
    right = {
        f"it is published on {published}": proxy.bindings == ((80, LOOPBACK, wanted.http_port),),
        f"its image is {proxy.image}": usable_image(proxy.image),
        "its state is not mounted where Kamal mounts it": mounts <= set(proxy.mounts),
        f"it is not on the network {contract.NETWORK}": contract.NETWORK in proxy.networks,
        "the label by which Kamal finds it is missing": proxy.titled,
        "it would not start again after a reboot": proxy.restart == "unless-stopped",
        "its log has no size limit": bool(proxy.log_max_size),
        "the packet filter would not know it after a restart": not proxy.running or proxy.mac == contract.PROXY_MAC,
    }
    return next((problem for problem, is_right in right.items() if not is_right), "")


def _shown(address: str, port: int) -> str:
    return f"{address or 'every address'}:{port}"


def _dropped(proxy: ProxyFacts) -> str:
    public = [_shown(address, port) for _, address, port in proxy.bindings if address != LOOPBACK]
    if not public:
        return ""
    return f"kamal-proxy answers on {', '.join(public)} now, and will answer on loopback only"


def usable_image(reference: str) -> bool:
    """Return whether Kamal takes an image for kamal-proxy: its repository, and the pinned version or a later one."""
    repository, _, tag = reference.rpartition(":")
    return repository == contract.PROXY_REPOSITORY and _version(tag) >= _version(contract.PROXY_VERSION)


def _version(tag: str) -> tuple[int, ...]:
    parts = tag.removeprefix("v").split(".")
    return tuple(map(int, parts)) if len(parts) == 3 and all(part.isdigit() for part in parts) else ()
