"""Kamal's contract: names, labels, env files, locks and the proxy, exactly as the real Kamal leaves and expects them."""
