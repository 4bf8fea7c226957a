"""What the control socket answers: a function for each operation, over the daemon's parts."""
