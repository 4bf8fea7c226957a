"""Domains of apps that are added, with a repository that git makes."""

import pytest

from deployhost.edge import records
from deployhost.errors import ProviderUnavailable
from tests.fakes.assembled import Server
from tests.fakes.joined import Joined
from tests.fakes.operations import Operations

SHOP = "shop.example.com"


@pytest.fixture
def joined(server: Server) -> Joined:
    return Joined(server)


def test_add_with_domains(ops: Operations, joined: Joined) -> None:
    view = ops.ask("app.add", name="shop", domains=[SHOP, "www.example.org"])
    assert [(one["domain"], one["record"]) for one in view["records"]] == [
        (SHOP, "present"),
        ("www.example.org", "elsewhere"),
    ]
    assert view["url"] == f"https://{SHOP}"
    assert joined.leads(SHOP)


def test_replace_takes_the_record(ops: Operations, joined: Joined) -> None:
    joined.foreign(SHOP)
    assert ops.ask("app.add", name="shop", domains=[SHOP], replace=True)["url"] == f"https://{SHOP}"
    assert joined.leads(SHOP)


@pytest.mark.parametrize("call", ["records", "create_record"])
def test_cloudflare_does_not_answer(ops: Operations, joined: Joined, call: str) -> None:
    def fault(name: str) -> None:
        if name == call:
            raise ProviderUnavailable("Cloudflare did not answer in time")

    joined.cloud.fault = fault
    [record] = ops.ask("app.add", name="shop", domains=[SHOP])["records"]
    assert (record["record"], record["why"]) == ("waiting", "Cloudflare did not answer in time")
    joined.cloud.fault = lambda _name: None
    ops.daemon.clock.sleep(records.RETRY)
    ops.daemon.records.follow()
    assert joined.leads(SHOP)
