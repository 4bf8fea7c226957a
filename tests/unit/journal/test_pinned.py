"""Which names of a repository mean the pinned one."""

from deployhost.model import RepositoryName
from tests.unit.journal.test_sources import PIN


def test_it_is_named_as_apps_yml_has_it_or_is_about_to() -> None:
    named = {name: PIN.is_named(RepositoryName(name)) for name in ("ACME/shop", "acme/shop2", "acme/other")}
    assert named == {"ACME/shop": True, "acme/shop2": True, "acme/other": False}
