"""Domains as a person reads them."""

from typing import cast

from deployhost.cli import domain_views
from deployhost.control.results import DomainsChanged, DomainsFound
from tests.fakes.views import domain_view

FOUND = DomainsFound(app="shop", url="https://a.de", domains=["a.de"], records=[domain_view("a.de", record="present")])


def test_a_daemon_of_an_earlier_version() -> None:
    old = {"app": "shop", "url": "http://shop.localhost", "domains": ["a.de"], "changed": ["a.de"]}
    assert domain_views.domains(cast("DomainsFound", old)) == ["http://shop.localhost", "a.de"]
    assert domain_views.added(cast("DomainsChanged", old), ["a.de"]) == ["added a.de"]
    assert domain_views.removed(cast("DomainsChanged", old)) == ["removed a.de"]


def test_only_what_was_asked_for_is_shown() -> None:
    changed = DomainsChanged(**FOUND, changed=["a.de"], notes=[])
    assert domain_views.added(changed, ["b.de"]) == ["added a.de"]


def test_nothing_changed() -> None:
    changed = DomainsChanged(app="shop", url="u", domains=[], records=[], changed=[], notes=[])
    assert domain_views.removed(changed) == ["unchanged: shop has no domains of its own"]


def test_what_others_wrote_moves_no_cursor() -> None:
    lines = domain_views.records(
        [domain_view(record=one, why="\x1b[2Jx", fix="\x1b[2Jy") for one in ("waiting", "refused")]
    )
    assert not [line for line in lines if "\x1b" in line]
