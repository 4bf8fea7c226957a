"""The API of GitHub's double: what every call has in common. The calls themselves are in api_apps.py and api_repositories.py."""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.doubles.github import api_apps, api_repositories
from tests.doubles.github.asked import Asked, Result
from tests.doubles.github.callers import Caller, caller_of
from tests.doubles.github.description import Description, Operation
from tests.doubles.github.limits import Limits
from tests.doubles.github.refusals import Refused
from tests.doubles.github.world import World
from tests.doubles.serve import Answer, Call

CALLS: Mapping[str, Callable[[Asked], Result]] = {**api_apps.CALLS, **api_repositories.CALLS}
FREE = {"rate-limit/get"}


@dataclass
class Api:
    """Answers the calls of GitHub's API."""

    world: World
    limits: Limits
    description: Description = field(default_factory=Description)

    def answer(self, call: Call, path: str) -> Answer:
        """Answer a call to a path below the API's address. Raise Violation for one that GitHub does not know."""
        operation, variables = self.description.find(call.method, path)
        given = self.description.check_request(operation, call.parameters, call.body)
        with self.world.lock:
            try:
                caller = caller_of(self.world, call, operation.name)
                answer = self._counted(
                    call, operation, Asked(self.world, call, path, operation.name, variables, given, caller)
                )
            except Refused as refused:
                answer = refused.answer()
        content = json.loads(answer.body) if answer.body else None
        self.description.check_answer(operation, answer.status, content)
        return answer.with_header("X-GitHub-Request-Id", secrets.token_hex(8).upper())

    def _counted(self, call: Call, operation: Operation, asked: Asked) -> Answer:
        caller, key = asked.caller, asked.caller.key
        anonymous = caller == Caller()
        if operation.name in FREE:
            asked.limit.update(self.limits.headers(key, anonymous=anonymous))
            return self._done(call, operation, asked)
        self.limits.count(key, anonymous=anonymous, write=call.method != "GET" and caller.token is not None)
        try:
            answer = self._done(call, operation, asked)
        except Refused as refused:
            refused.headers.update(self.limits.headers(key, anonymous=anonymous))
            raise
        if answer.status == 304:
            self.limits.forgive(key)
        for name, value in self.limits.headers(key, anonymous=anonymous).items():
            answer = answer.with_header(name, value)
        return answer

    def _done(self, call: Call, operation: Operation, asked: Asked) -> Answer:
        result = CALLS[operation.name](asked)
        headers = dict(result.headers)
        if result.content is None:
            return Answer(result.status, b"", tuple(headers.items()))
        body = json.dumps(result.content).encode()
        headers["Content-Type"] = "application/json; charset=utf-8"
        if call.method == "GET":
            # Of the same content each token gets another ETag (docs.github.com, "Use conditional requests if appropriate").
            mark = hashlib.sha256(body + call.headers.get("authorization", "").encode()).hexdigest()
            headers["ETag"] = f'W/"{mark}"'
            wanted = call.headers.get("if-none-match", "")
            if mark in wanted:
                return Answer(304, b"", (("ETag", headers["ETag"]),))
        return Answer(result.status, body, tuple(headers.items()))
