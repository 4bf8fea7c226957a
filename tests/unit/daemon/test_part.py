"""A part is made when it is first asked for, once, from what its constructor names."""

import threading
from pathlib import Path

from deployhost.daemon.parts import Parts
from deployhost.paths import Paths


def test_a_part_is_made_once_whichever_thread_asks(tmp_path: Path) -> None:
    Paths(tmp_path).state.mkdir(parents=True)
    parts, found = Parts(Paths(tmp_path)), list[object]()
    threads = [threading.Thread(target=lambda: found.append(parts.pipeline)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {id(one) for one in found} == {id(parts.pipeline)}
