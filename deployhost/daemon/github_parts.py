"""The wiring of what has to do with GitHub: parts of the daemon as those of `parts.py`, which they are among."""

from deployhost.apps.source_choice import SourceChoices
from deployhost.daemon.part import part
from deployhost.github.accounts import GitHubAccounts
from deployhost.github.answers import GitHub
from deployhost.github.delivery_rate import DeliveryRate
from deployhost.github.fetching import Fetching
from deployhost.github.locating import Locator
from deployhost.github.look_queue import LookQueue
from deployhost.github.looks import Looks
from deployhost.journal.statuses import Statuses
from deployhost.system.git_fetch import GitFetcher


class GitHubParts:
    """The parts that look at repositories on GitHub, and deploy what is there."""

    github: part[GitHub] = part(lambda outside: outside.github())
    github_accounts = part(GitHubAccounts)
    fetcher: part[GitFetcher] = part(lambda outside: outside.fetcher())
    fetching = part(Fetching)
    locator = part(Locator, accounts=lambda parts: parts.github_accounts)
    looks = part(Looks)
    delivery_rate = part(DeliveryRate)
    look_queue = part(
        LookQueue,
        look=lambda parts: parts.looks.look,
        went_well=lambda parts: parts.troubles.went_well,
        branch=lambda parts: parts.looks.branch,
    )
    choices = part(SourceChoices)
    statuses = part(Statuses)
