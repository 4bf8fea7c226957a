"""What holds for every test."""

import signal

from hypothesis import HealthCheck, settings

from tests.fakes.sweep import FAST

# Tests that a shell starts in the background ignore Ctrl-C, and so does what they start: one that sends it would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes, or to make one, is up to what else the machine does.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fast", settings.get_profile("ours"), max_examples=30)
settings.load_profile("fast" if FAST else "ours")
