"""What is kept and what goes: images, containers, logs, caches, the disk."""
