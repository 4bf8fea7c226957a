# The site is where the build left a new index.html. Another folder that was there before counts only if no other does.
cd /app || exit 1
found=""
# The folder that the Staticfile names counts as it is.
if [ -n "$NAMED" ] && [ -f "$NAMED/index.html" ]; then found="$NAMED"; fi
for folder in "$@"; do
  for page in $folder/index.html; do
    if [ -z "$found" ] && [ -f "$page" ] && [ -n "$(find "$page" -newer /tmp/build-began)" ]; then found="${page%/index.html}"; fi
  done
done
for folder in "$@"; do
  for page in $folder/index.html; do
    case "$page" in public/*|www/*) continue ;; esac
    if [ -z "$found" ] && [ -f "$page" ]; then found="${page%/index.html}"; fi
  done
done
if [ -z "$found" ]; then
  echo "deployhost: the build left no index.html; looked in: $*" >&2
  echo "deployhost: name the folder in a Staticfile (root: folder), or add a start script if this is a server" >&2
  exit 1
fi
if [ -e "$found/Staticfile.auth" ] && [ "$PROTECTED" != yes ]; then
  echo "deployhost: the build left $found/Staticfile.auth, which protects nothing there" >&2
  echo "deployhost: put Staticfile.auth at the root of the repository" >&2
  exit 1
fi
mkdir -p /out && cp -a "$found" /out/www && rm -rf /out/www/node_modules /out/www/Staticfile /out/www/Staticfile.auth || exit 1
pages=$(find /out/www -name '*.html' ! -name 404.html ! -name 200.html | wc -l)
case "$FALLBACK" in yes) touch /out/single-page ;; auto) if [ "$pages" -eq 1 ]; then touch /out/single-page; fi ;; esac
echo "deployhost: the site is in $found ($pages pages)"
