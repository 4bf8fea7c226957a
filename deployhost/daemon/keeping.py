"""What needs no look at the apps: the packet filter itself, the journal's file, what is left over. Done every minute and by `converge`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from deployhost.daemon.schedule_plan import Job
from deployhost.errors import DeployhostError

EVERY = 60.0  # seconds
Keeper = Callable[[], Sequence[str] | None]


@dataclass(frozen=True)
class Keeping:
    """Has each keeper, by what it does, see to its own. They return notes on what they mended, which `mended` gets."""

    keepers: Mapping[str, Keeper]
    mended: Callable[[str], None]

    def jobs(self) -> list[Job]:
        """Return a job for each keeper: what one fails at is its own."""
        return [self._job(name, keeper) for name, keeper in self.keepers.items()]

    def all(self) -> tuple[str, ...]:
        """Ask all keepers and return their notes. Raise the first error of one, once all have been asked."""
        notes: list[str] = []
        errors: list[DeployhostError] = []
        for keeper in self.keepers.values():
            try:
                notes += self._asked(keeper)
            except DeployhostError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return tuple(notes)

    def _job(self, name: str, keeper: Keeper) -> Job:
        return Job(name=name, every=EVERY, run=lambda _app: self._asked(keeper))

    def _asked(self, keeper: Keeper) -> Sequence[str]:
        notes = keeper() or ()
        for note in notes:
            self.mended(note)
        return notes
