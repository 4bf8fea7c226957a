"""Node apps and front ends: what starts or builds them, which package manager and version."""
