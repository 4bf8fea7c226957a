"""What holds for every test."""

import signal

# Tests that a shell starts in the background ignore Ctrl-C, and so does what they start: one that sends it would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
