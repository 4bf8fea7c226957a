"""How requests get in: the account at Cloudflare, its tunnel to this server, and the records of its zones."""
