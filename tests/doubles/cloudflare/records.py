"""DNS records at Cloudflare's double, and what the API refuses about them."""

from copy import deepcopy
from typing import Any

from tests.doubles.cloudflare import pages
from tests.doubles.cloudflare.state import Json, Refusal, State, Zone, now
from tests.doubles.serve import Violation

COMMENT_LENGTH = 100
HOSTS = ("A", "AAAA", "CNAME")
PER_PAGE = 100


class Records:
    """The calls under /zones/ZONE/dns_records."""

    def __init__(self, state: State) -> None:
        self.state = state

    def find(self, zone: Zone, query: Json) -> Json:
        """Return the records that pass the filters."""
        filters = {name: query[name] for name in ("name", "content", "comment", "type", "proxied") if name in query}
        unknown = set(query) - set(filters) - {"page", "per_page", "match", "order", "direction"}
        if unknown:
            raise Violation(f"the double does not know these filters of records: {unknown}")
        how = any if query.get("match") == "any" else all
        found = [
            record
            for record in zone.records.values()
            if not filters or how(_passes(record, name, wanted) for name, wanted in filters.items())
        ]
        found.sort(key=lambda record: str(record[query.get("order", "name")]), reverse=query.get("direction") == "desc")
        return pages.page(found, query, PER_PAGE)

    def get(self, zone: Zone, record_id: str) -> Json:
        """Return a record."""
        return pages.result(self._found(zone, record_id))

    def create(self, zone: Zone, given: Json) -> Json:
        """Add a record."""
        return pages.result(self._add(zone, given))

    def edit(self, zone: Zone, record_id: str, given: Json) -> Json:
        """Change what is given of a record."""
        return pages.result(self._change(zone, record_id, given, keep=True))

    def overwrite(self, zone: Zone, record_id: str, given: Json) -> Json:
        """Replace a record by another one with its id."""
        return pages.result(self._change(zone, record_id, given, keep=False))

    def delete(self, zone: Zone, record_id: str) -> Json:
        """Delete a record."""
        self._found(zone, record_id)
        del zone.records[record_id]
        return pages.result({"id": record_id})

    def batch(self, zone: Zone, given: Json) -> Json:
        """Do all of it or nothing: deletes, patches, puts, posts."""
        before = deepcopy(zone.records)
        done: dict[str, list[Json]] = {}
        try:
            done["deletes"] = [self._found(zone, one["id"]) for one in given.get("deletes") or ()]
            for one in done["deletes"]:
                zone.records.pop(one["id"], None)
            for name, keep in (("patches", True), ("puts", False)):
                done[name] = [
                    self._change(zone, one["id"], {key: value for key, value in one.items() if key != "id"}, keep=keep)
                    for one in given.get(name) or ()
                ]
            done["posts"] = [self._add(zone, one) for one in given.get("posts") or ()]
        except Refusal:
            zone.records.clear()
            zone.records.update(before)
            raise
        return pages.result({name: records for name, records in done.items() if records})

    def _found(self, zone: Zone, record_id: str) -> Json:
        if record_id not in zone.records:
            raise Refusal(404, 81044, "Record does not exist.")
        return zone.records[record_id]

    def _add(self, zone: Zone, given: Json) -> Json:
        wanted = _normal(zone, given)
        self._check(zone, wanted, None)
        if len(zone.records) >= zone.records_allowed:
            raise Refusal(400, 81045, "Record quota exceeded.")
        about = {key: value for key, value in wanted.items() if key not in ("type", "name", "content")}
        return self.state.record(zone, wanted["type"], wanted["name"], wanted["content"], **about)

    def _change(self, zone: Zone, record_id: str, given: Json, *, keep: bool) -> Json:
        old = self._found(zone, record_id)
        fixed = {key: old[key] for key in ("id", "created_on")}
        base = old if keep else fixed | {"comment": None, "tags": [], "settings": {}, "meta": {}, "proxied": False}
        changed = base | _normal(zone, ({"type": old["type"], "name": old["name"]} | given) if keep else given)
        changed |= {"modified_on": now(), "proxiable": changed["type"] in HOSTS}
        self._check(zone, changed, record_id)
        zone.records[record_id] = changed
        return changed

    def _check(self, zone: Zone, record: Json, itself: str | None) -> None:
        _check_fields(zone, record)
        others = [
            other
            for other in zone.records.values()
            if other["id"] != itself and other["name"] == record["name"] and other["type"] in HOSTS
        ]
        same = [other for other in others if (other["type"], other["content"]) == (record["type"], record["content"])]
        if same:
            # Which of the two codes an identical record gets is not documented; both are seen.
            code = 81057 if record["type"] == "CNAME" else 81058
            raise Refusal(
                400, code, "The record already exists." if code == 81057 else "An identical record already exists."
            )
        if record["type"] == "CNAME" and others:
            raise Refusal(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")
        if record["type"] in HOSTS and any(other["type"] == "CNAME" for other in others):
            raise Refusal(400, 81054, "A CNAME record with that host already exists.")


def _normal(zone: Zone, given: Json) -> Json:
    if given["type"] not in (*HOSTS, "TXT", "MX", "NS"):
        raise Violation(f"the double does not know {given['type']} records")
    name = given["name"].lower().rstrip(".")
    if name == "@":
        name = zone.name
    elif name != zone.name and not name.endswith(f".{zone.name}"):
        name = f"{name}.{zone.name}"  # the API takes a name outside of the zone for one that leaves the zone out
    record = given | {"name": name}
    if "content" in record and record["type"] in HOSTS:
        record["content"] = record["content"].lower().rstrip(".")
    if record.get("proxied"):
        record["ttl"] = 1
    return record


def _check_fields(zone: Zone, record: Json) -> None:
    if not record.get("content"):
        raise Refusal(
            400, 9005 if record["type"] != "CNAME" else 9007, f"Content for {record['type']} record is invalid."
        )
    if len(record.get("comment") or "") > COMMENT_LENGTH:
        raise Refusal(400, 9313, f"DNS record comment exceeds the maximum length of {COMMENT_LENGTH} characters.")
    tags = len(record.get("tags") or ())
    if tags > zone.tags_allowed:
        chain = ((9300, f"DNS record has {tags} tags, exceeding the quota of {zone.tags_allowed}."),)
        raise Refusal(400, 1004, "DNS Validation Error", chain)
    if record.get("ttl", 1) != 1 and not 60 <= record["ttl"] <= 86400:
        raise Refusal(400, 9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.")
    if any(not label or len(label) > 63 for label in record["name"].split(".")):
        raise Refusal(400, 9000, "DNS name is invalid.")


def _passes(record: Json, name: str, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return pages.text_matches(record[name], wanted)
    return bool(record[name] == wanted)
