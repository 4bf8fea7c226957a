"""A server of fakes that is connected to a GitHub in memory, with a repository there and an app of it here."""

from deployhost.github import connection as files
from deployhost.model import AppName, Branch, Deploy, Sha
from tests.fakes.assembled import Assembled, Server
from tests.fakes.git import RepositoryWithoutGit
from tests.fakes.github import FakeRepository as RepositoryThere
from tests.fakes.github import connection
from tests.fakes.life import Life

SHOP = AppName("shop")


class OnGitHub:
    """Given a server, connect it to octo's GitHub, where octo/shop is, as yet with one commit on main."""

    def __init__(self, server: Server, first: Sha) -> None:
        self.server = server
        server.repository = RepositoryWithoutGit
        self.connection = connection("octo", 1)
        files.save(server.paths, self.connection)
        server.github.add_app(self.connection)
        self.shop: RepositoryThere = server.github.add_repository("octo/shop", {"main": first})

    def add(self, name: str = "shop", text: str = "source: octo/shop", branch: str | None = None) -> AppName:
        """Write an app of the repository into apps.yml, as a person does, and make its repository, as the daemon does then."""
        app = self.server.add(name, branch, text)
        self.make(app)
        return app

    def make(self, app: AppName) -> None:
        RepositoryWithoutGit(self.server.paths.repo(app), self.server.refs, Life()).create(Branch("main"), {})

    def push(self, sha: Sha, branch: str = "main") -> None:
        self.server.github.push(self.shop.id, branch, sha)

    @property
    def calls(self) -> list[str]:
        """What GitHub was asked since the last time."""
        made = [*self.server.github.calls_made]
        self.server.github.calls_made.clear()
        return made


def look(daemon: Assembled, app: AppName = SHOP) -> Deploy | None:
    """Look at an app's repository, carry out what that asks for, and return its deploy as it ended."""
    deploy = daemon.looks.look(app)
    daemon.work_off()
    return None if deploy is None else daemon.deploys.get(deploy.id)
