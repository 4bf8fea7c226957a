"""The daemon's answers on domains as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from deployhost.control.terminal import escaped

if TYPE_CHECKING:  # the types take 2 ms to make
    from deployhost.control.results import DomainsChanged, DomainsFound
    from deployhost.control.views import DomainView


def domains(result: DomainsFound) -> list[str]:
    """Return an app's address and its domains, with what is unusual about the record of each."""
    records = result.get("records") or ()  # a daemon of an earlier version has none
    said = {one["domain"]: _said(one) for one in records}
    return [result["url"], *(f"{escaped(one)}{said.get(one, '')}" for one in result["domains"])]


def added(result: DomainsChanged, asked: Collection[str]) -> list[str]:
    """Return the lines that show the added domains and the state of their records."""
    has = ", ".join(result["domains"]) or "no domains of its own"
    line = f"added {', '.join(result['changed'])}" if result["changed"] else f"unchanged: {result['app']} has {has}"
    return [line, *records(one for one in result.get("records") or () if one["domain"] in asked)]


def removed(result: DomainsChanged) -> list[str]:
    """Return what was removed, and which records are still there."""
    has = ", ".join(result["domains"]) or "no domains of its own"
    line = f"removed {', '.join(result['changed'])}" if result["changed"] else f"unchanged: {result['app']} has {has}"
    return [line, *(f"! {escaped(note)}" for note in result.get("notes") or ())]


def records(found: Iterable[DomainView]) -> Iterator[str]:
    """Yield the address of each domain, or what is to be done before it works."""
    for one in found:
        why = escaped(one["why"])
        if one["record"] == "present":
            yield f"{one['domain']} is served at {one['url']}"
        elif one["record"] == "elsewhere":
            yield f"set up DNS and TLS for {one['domain']} yourself: {why}"
        elif one["record"] == "waiting":
            yield f"! {one['domain']} has no DNS record yet: {why}; deployhost tries again each minute"
        else:
            yield f"! {one['domain']} gets no DNS record: {why}"
        if one["fix"]:
            yield f"  try: {escaped(one['fix'])}"


def _said(one: DomainView) -> str:
    dns = "DNS elsewhere" if one["record"] == "elsewhere" else f"DNS record {one['record']}"
    return f"  {dns}{': ' if one['why'] else ''}{escaped(one['why'])}"
