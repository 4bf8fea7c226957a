"""USER of an image as numbers, by the image's own passwd and group."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.containers.image_user import MOST, needs_tables, owner

PASSWD = "root:x:0:0::/root:/bin/sh\n# odd\napp:x:1234:1235::/home/app:/bin/sh\n"
GROUPS = "root:x:0:\nstaff:x:50:\n"
USERS = {
    "": (0, 0), "0": (0, 0), "root": (0, 0), "0:7": (0, 7), "app": (1234, 1235), "1234": (1234, 1235), "55": (55, 0),
    "55:66": (55, 66), "app:staff": (1234, 50), "app:9": (1234, 9), "0:staff": (0, 50), "gone": None, "app:gone": None,
    "99999999999": None, "55:99999999999": None,
}  # fmt: skip


@pytest.mark.parametrize("user", USERS)
def test_users(user: str) -> None:
    assert owner(user, PASSWD, GROUPS) == USERS[user]
    if not needs_tables(user):
        assert owner(user) == USERS[user]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("app:x:99999999999:zz:::", None),
        ("app:x:7:zz:::", (7, 0)),
        ("app:x:7", None),
        ("app:x:\u0667:1:::", None),
        (f"app:x:{MOST}:{MOST + 1}:::", (MOST, 0)),
        ("app:x:-1:1:::", None),
    ],
)
def test_a_passwd_that_means_harm(line: str, found: tuple[int, int] | None) -> None:
    assert owner("app", f"{line}\n") == found


@given(st.text(), st.text(), st.text())
def test_whatever_it_holds(user: str, passwd: str, groups: str) -> None:
    found = owner(user, passwd, groups)
    assert found is None or all(0 <= number <= MOST for number in found)
