"""GitHub's rate limits (docs.github.com, "Rate limits for the REST API")."""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.doubles.github.refusals import Refused
from tests.doubles.github.world import Clock

HOUR, MINUTE = 3600.0, 60.0


@dataclass
class Limits:
    """Counts the calls of each caller. Tests may lower the numbers; `used` has what was counted in this hour."""

    clock: Clock
    per_hour: int = 5000
    anonymous_per_hour: int = 60
    writes_per_minute: int = 80
    writes_per_hour: int = 500
    secondary_wait: int = 60
    used: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _hours: dict[str, float] = field(default_factory=dict)
    _writes: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def count(self, key: str, *, anonymous: bool, write: bool) -> None:
        """Count a call. Raise Refused if it is one too many; it is then not counted."""
        limit = self._limit(anonymous)
        now = self._begin_hour(key)
        if self.used[key] >= limit:
            message = f"API rate limit exceeded for {key}."
            raise Refused(403, message, headers=self.headers(key, anonymous=anonymous))
        if write:
            writes = [moment for moment in self._writes[key] if moment > now - HOUR]
            lately = sum(moment > now - MINUTE for moment in writes)
            if len(writes) >= self.writes_per_hour or lately >= self.writes_per_minute:
                raise self.secondary()
            self._writes[key] = [*writes, now]
        self.used[key] += 1

    def forgive(self, key: str) -> None:
        """Take a call back that costs nothing: an answer 304."""
        self.used[key] -= 1

    def headers(self, key: str, *, anonymous: bool) -> dict[str, str]:
        """Return what each answer says of the limit."""
        limit = self._limit(anonymous)
        self._begin_hour(key)
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - self.used[key])),
            "X-RateLimit-Used": str(self.used[key]),
            "X-RateLimit-Reset": str(int(self._hours[key] + HOUR)),
            "X-RateLimit-Resource": "core",
        }

    def secondary(self) -> Refused:
        """Return what too many calls in a short time get."""
        message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        return Refused(403, message, headers={"Retry-After": str(self.secondary_wait)})

    def _limit(self, anonymous: bool) -> int:
        return self.anonymous_per_hour if anonymous else self.per_hour

    def _begin_hour(self, key: str) -> float:
        now = self.clock.now()
        if now >= self._hours.get(key, float("-inf")) + HOUR:
            self._hours[key], self.used[key] = now, 0
        return now
