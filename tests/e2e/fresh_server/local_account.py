"""What an unprivileged account of a server tries against deployhost's files."""

from tests.e2e.fresh_server.server import FreshServer

STORAGE = "/var/lib/deployhost/storage"
NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"

# Root names each file; nobody opens it, locks it, runs it.
ATTACKS = f"""
places="/var/lib/deployhost /run/deployhost /etc/deployhost /var/log/deployhost"
for path in $(find $places -name '*lock*' -o -name 'journal.db*' -o -name services -o -name storage) /opt/deployhost/.*lock*; do
    {NOBODY} flock --nonblock --shared "$path" true 2>/dev/null && echo "locked $path"
done
# Programs, what set-up notes of packages and of registries, and how Kamal's registry is run are no secrets.
open="-path */registry/* -o -path */bin/* -o -name installed.json -o -name registries.json -o -name registry.yml -o -name registry.rules"
set -f
for path in $(find /var/lib/deployhost -type f -not \\( $open \\)); do
    {NOBODY} head -c 1 "$path" >/dev/null 2>&1 && echo "read $path"
done
set +f
for path in $(find $places -type d); do
    {NOBODY} test -w "$path" && echo "may write into $path"
done
mkdir -p {STORAGE}/attacked && cp /usr/bin/id {STORAGE}/attacked/id && chmod 4755 {STORAGE}/attacked/id
chmod 0755 {STORAGE} && chmod 0755 /var/lib/deployhost  # as if the directories were open all the same
[ "$({NOBODY} {STORAGE}/attacked/id -u)" = 0 ] && echo "root by a setuid program"
chmod 0700 {STORAGE} && chmod 0711 /var/lib/deployhost
rm -r {STORAGE}/attacked
true
"""
MOUNTED = f"findmnt --noheadings --output OPTIONS --mountpoint {STORAGE}"
# A container of an image that is there anyway: what it has mounted from the storage is as the storage is.
IN_A_CONTAINER = f"""
image=$(docker ps --format '{{{{.Image}}}}' | grep -v kamal-proxy | head -n 1)
docker run --rm --volume {STORAGE}/attacked:/storage --user 0:0 --entrypoint grep "$image" ' /storage ' /proc/self/mountinfo
rmdir {STORAGE}/attacked
"""


def attack(server: FreshServer) -> list[str]:
    """Return what succeeded."""
    done = server.run("sh", "-c", ATTACKS).splitlines()
    for what in (MOUNTED, IN_A_CONTAINER):
        options = server.run("sh", "-c", what)
        done += [f"{flag} is missing: {options}" for flag in ("nosuid", "nodev") if flag not in options]
    return done
