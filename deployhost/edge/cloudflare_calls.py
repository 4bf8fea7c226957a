"""What Cloudflare is asked, as calls of its SDK's client, which is made elsewhere; arguments in and results out are JSON."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

PER_PAGE = 50  # zones; the most that Cloudflare gives
RECORDS_PER_PAGE = 1000

Arguments = Mapping[str, Any]
Call = Callable[[Any, Arguments], Any]


def _items(page: Any, most: int) -> Iterator[Any]:
    """Yield what is in a page and those after it. The SDK itself asks for one page more than there is.

    `most` is how many were asked for; what Cloudflare gives at once may be less, and then it says so.
    """
    while True:
        found = page.result or []
        yield from found
        at_once = getattr(page.result_info, "per_page", None) or most
        if len(found) < min(most, at_once):
            return
        page = page.get_next_page()


def _verify(client: Any, arguments: Arguments) -> dict[str, Any]:
    account = arguments["account_id"]
    found = client.accounts.tokens.verify(account_id=account) if account else client.user.tokens.verify()
    if found is None:
        raise ValueError
    expires: Any = found.expires_on  # a date, or what was none
    return {
        "status": _text(found.status),
        "expires_on": expires.isoformat() if hasattr(expires, "isoformat") else _text(expires or ""),
    }


def _zones(client: Any, _arguments: Arguments) -> list[dict[str, Any]]:
    return [
        {
            "id": _text(zone.id),
            "name": _text(zone.name),
            "account_id": _text(zone.account.id),
            "account_name": _text(zone.account.name or ""),
            "active": zone.status == "active",
        }
        for zone in _items(client.zones.list(per_page=PER_PAGE), PER_PAGE)
    ]


def _tunnel(client: Any, arguments: Arguments) -> dict[str, Any]:
    return _shown(client.zero_trust.tunnels.cloudflared.get(arguments["tunnel_id"], account_id=arguments["account_id"]))


def _tunnels(client: Any, arguments: Arguments) -> list[dict[str, Any]]:
    found = client.zero_trust.tunnels.cloudflared.list(
        account_id=arguments["account_id"], name=arguments["name"], is_deleted=False, per_page=PER_PAGE
    )
    return [_shown(tunnel) for tunnel in _items(found, PER_PAGE) if tunnel.name == arguments["name"]]


def _create_tunnel(client: Any, arguments: Arguments) -> dict[str, Any]:
    made = client.zero_trust.tunnels.cloudflared.create(
        account_id=arguments["account_id"], name=arguments["name"], config_src="cloudflare"
    )
    token = (made.model_extra or {}).get("token")  # the SDK's type does not have it
    if not token:
        token = client.zero_trust.tunnels.cloudflared.token.get(str(made.id), account_id=arguments["account_id"])
    return {**_shown(made), "token": _text(token)}


def _shown(tunnel: Any) -> dict[str, Any]:
    # `remote_config` is what config_src was called before.
    remote = tunnel.config_src == "cloudflare" or (
        tunnel.config_src is None and bool(getattr(tunnel, "remote_config", False))
    )
    return {
        "id": _text(tunnel.id),
        "name": _text(tunnel.name),
        "remote": remote,
        "deleted": tunnel.deleted_at is not None,
    }


def _tunnel_token(client: Any, arguments: Arguments) -> str:
    found = client.zero_trust.tunnels.cloudflared.token.get(arguments["tunnel_id"], account_id=arguments["account_id"])
    if not isinstance(found, str) or not found:
        raise TypeError
    return found


def _ingress(client: Any, arguments: Arguments) -> list[dict[str, Any]]:
    found = client.zero_trust.tunnels.cloudflared.configurations.get(
        arguments["tunnel_id"], account_id=arguments["account_id"]
    )
    config = found.config if found is not None else None
    rules = (config.ingress if config is not None else None) or []
    # A rule may lack a host and a path, though the SDK's type says that it has a host.
    return [
        {
            "service": rule.service,
            "hostname": getattr(rule, "hostname", None) or "",
            "path": getattr(rule, "path", None) or "",
        }
        for rule in rules
    ]


def _put_ingress(client: Any, arguments: Arguments) -> None:
    rules: Any = [{name: value for name, value in rule.items() if value} for rule in arguments["rules"]]
    client.zero_trust.tunnels.cloudflared.configurations.update(
        arguments["tunnel_id"], account_id=arguments["account_id"], config={"ingress": rules}
    )


def _delete_tunnel(client: Any, arguments: Arguments) -> bool:
    tunnels = client.zero_trust.tunnels.cloudflared
    # A tunnel with connections can't be deleted, and Cloudflare counts them for a while after cloudflared has ended.
    tunnels.connections.delete(arguments["tunnel_id"], account_id=arguments["account_id"])
    tunnels.delete(arguments["tunnel_id"], account_id=arguments["account_id"])
    return True


def _records(client: Any, arguments: Arguments) -> list[dict[str, Any]]:
    name, start = arguments["name"], arguments["comment_starts"]
    wanted: dict[str, Any] = {"per_page": RECORDS_PER_PAGE}
    if name:
        wanted["name"] = {"exact": name}
    if start:
        wanted["comment"] = {"startswith": start}
    listed = client.dns.records.list(zone_id=arguments["zone_id"], **wanted)
    found = [_shown_record(one) for one in _items(listed, RECORDS_PER_PAGE)]
    return [one for one in found if (not name or one["name"] == name) and one["comment"].startswith(start)]


def _create_record(client: Any, arguments: Arguments) -> dict[str, Any]:
    return _shown_record(client.dns.records.create(zone_id=arguments["zone_id"], **_body(arguments)))


def _replace_records(client: Any, arguments: Arguments) -> dict[str, Any]:
    deletes: Any = [{"id": id_} for id_ in arguments["old"]]
    posts: Any = [_body(arguments)]
    done = client.dns.records.batch(zone_id=arguments["zone_id"], deletes=deletes, posts=posts)
    if done is None or not done.posts:
        raise ValueError
    return _shown_record(done.posts[0])


def _delete_record(client: Any, arguments: Arguments) -> bool:
    client.dns.records.delete(arguments["record_id"], zone_id=arguments["zone_id"])
    return True


def _body(arguments: Arguments) -> dict[str, Any]:
    return {
        "type": "CNAME",
        "name": arguments["name"],
        "content": arguments["target"],
        "proxied": True,
        "ttl": 1,  # Cloudflare's own choice, as for every proxied record
        "comment": arguments["comment"],
    }


def _shown_record(record: Any) -> dict[str, Any]:
    return {
        "id": _text(record.id),
        "type": _text(record.type),
        "name": _text(record.name).lower(),
        "content": record.content if isinstance(record.content, str) else "",  # some types have none
        "proxied": bool(record.proxied),
        "comment": record.comment or "",
    }


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


READS: Mapping[str, Call] = {
    "verify": _verify,
    "zones": _zones,
    "tunnel": _tunnel,
    "tunnels": _tunnels,
    "tunnel_token": _tunnel_token,
    "ingress": _ingress,
    "records": _records,
}
# Never repeated where the answer did not arrive.
WRITES: Mapping[str, Call] = {
    "create_tunnel": _create_tunnel,
    "put_ingress": _put_ingress,
    "delete_tunnel": _delete_tunnel,
    "create_record": _create_record,
    "replace_records": _replace_records,
    "delete_record": _delete_record,
}
# Where in the client the calls above are found: an SDK is tried by these when it is installed.
USED = (
    "accounts.tokens.verify",
    "user.tokens.verify",
    "zones.list",
    "zero_trust.tunnels.cloudflared.create",
    "zero_trust.tunnels.cloudflared.token.get",
    "zero_trust.tunnels.cloudflared.configurations.update",
    "dns.records.batch",
)
# What the answer is where Cloudflare says that there is no such thing.
MISSING: Mapping[str, Any] = {"tunnel": None, "delete_tunnel": False, "delete_record": False}
