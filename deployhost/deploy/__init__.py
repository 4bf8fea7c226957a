"""The way of a commit: queue, pipeline, direct engine, readiness, switch, drain, converge, watch, prune."""
