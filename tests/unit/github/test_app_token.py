"""An App's own token: signed when it is needed, and no more often."""

import base64
import json

from deployhost.github.app_token import LIFE, MARGIN, AppToken
from deployhost.github.connection import GitHubConnection
from deployhost.model import Secret
from deployhost.system.clock import Clock
from tests.fakes.github import connection


class Time(Clock):
    def __init__(self) -> None:
        self.now = 1_000_000.5

    def time(self) -> float:
        return self.now


def decoded(token: Secret) -> list[dict[str, object]]:
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.reveal().split(".")[:2]]


def test_claims() -> None:
    clock, signed = Time(), []

    def sign(of: GitHubConnection, message: str) -> str:
        signed.append((of.client_id, message))
        return "signature"

    token = AppToken(connection(), clock, sign).current()
    head, claims = decoded(token)
    assert head == {"alg": "RS256", "typ": "JWT"}
    assert claims == {"iat": 999_940, "exp": 1_000_540, "iss": "Iv1.00000001"}
    assert int(str(claims["exp"])) - int(str(claims["iat"])) <= 600
    assert signed == [("Iv1.00000001", token.reveal().rpartition(".")[0])]
    assert token.reveal().endswith(".signature")
    assert "=" not in token.reveal()


def test_it_is_kept_until_its_last_minute() -> None:
    clock = Time()
    signed: list[str] = []

    def sign(_of: GitHubConnection, message: str) -> str:
        signed.append(message)
        return f"s{len(signed)}"

    tokens = AppToken(connection(), clock, sign)
    first = tokens.current()
    clock.now += LIFE - MARGIN - 1
    assert tokens.current() == first
    clock.now += 2
    assert tokens.current() != first
    clock.now -= 10_000  # the clock was put right
    assert len({tokens.current().reveal(), tokens.current().reveal()}) == 1
    assert len(signed) == 3
    tokens.forget()
    tokens.current()
    assert len(signed) == 4
