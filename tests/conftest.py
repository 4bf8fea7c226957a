"""What holds for every test."""

import signal

from hypothesis import settings

from tests.fakes.sweep import FAST

# Tests that a shell starts in the background ignore Ctrl-C, and so does what they start: one that sends it would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("fast", max_examples=30)
if FAST:
    settings.load_profile("fast")
