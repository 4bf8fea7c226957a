"""Where clouds have their metadata services, which give out credentials of the server to whoever reaches them. Pure.

Sources: each cloud's own pages, and cloud-init's (doc/rtd/reference/datasources).
"""

METADATA = (
    "169.254.0.0/16",  # nearly all of them
    "168.63.129.16/32",  # Azure's, for the agent of its machines
    "100.100.100.200/32",  # Alibaba's
    "192.0.0.192/32",  # Oracle's classic one
)
METADATA6 = (
    "fd00:ec2::/32",  # Amazon's: the server's at ::254, that of pods at ::23
    "fd20:ce::254/128",  # Google's
    "fd00:c1::a9fe:a9fe/128",  # Oracle's
    "fd00:42::42/128",  # Scaleway's
    "fd00:a9fe:a9fe::1/128",  # Akamai's
    "fd00:100::100:200/128",  # Alibaba's
)
