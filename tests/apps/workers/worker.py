"""Says its version and waits; ends at once where a file says so."""

import signal
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("working on", (HERE / "version.txt").read_text().strip(), flush=True)
if (HERE / "worker_breaks").exists():
    sys.exit("the worker has no work")
while True:
    time.sleep(60)
