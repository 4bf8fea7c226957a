#!/bin/sh
# Gets Python and the package onto this server, then hands over to `deployhost setup`. No other logic in shell.
set -eu

HOME_DIR=/opt/deployhost
LINKS=/usr/local/bin
LOG=/var/log/deployhost/install.log
ORIGINAL="$0 $*"

usage() {
    cat <<'TEXT'
Usage: ./install.sh [--wheel FILE] [OPTIONS OF deployhost setup]
       ./install.sh --uninstall [--purge] [--yes]

Installs deployhost on this server (Debian or Ubuntu, as root) from the checkout that this script lies in, or from a
wheel, and sets the server up. Safe to run again at any point: what is there already is left alone.

At a terminal, it asks for Cloudflare (apps are live at your domains) and GitHub (each push is deployed); both can be skipped.

  --local              ask nothing and connect no account: apps are pushed to this server
  --cloudflare-token FILE
                       connect Cloudflare with the API token in a file
  --zone ZONE          Cloudflare's zone for GitHub's deliveries, if the token sees several
  --org ORG            connect this organization on GitHub; a browser has to confirm it
  --github-url URL     a GitHub Enterprise Server
  --skip ACCOUNTS      leave accounts out: cloudflare,github
  --demo               deploy a small app, too
  --http-port PORT     kamal-proxy's port on 127.0.0.1 instead of 80
  --proxy-image FILE   kamal-proxy's image, made by docker save
  --kamal              Kamal's own command too (else it comes when `deployhost kamal` is first used)
  --dry-run            install the program, and only say what set-up would do
  --wheel FILE         install from this wheel
  --uninstall          stop and remove deployhost; settings and data stay, and so does Docker
  --purge              with --uninstall: delete settings, data and images too
  --yes                answer every question with yes
  --help               show this

The other options are those of `deployhost setup --help`.
TEXT
}

say() { printf '%s\n' "$*" >&3; }

fail() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf 'try: %s\n' "$2" >&2
    exit 1
}

# step LABEL COMMAND…: run it quietly; on failure show the end of what it wrote.
step() {
    label=$1
    shift
    began=$(date +%s)
    [ ! -t 3 ] || printf '… %s' "$label" >&3
    printf '\n== %s  %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$label" >>"$LOG"
    if "$@" >>"$LOG" 2>&1 </dev/null; then
        took=$(($(date +%s) - began))
        [ ! -t 3 ] || printf '\r\033[K' >&3
        if [ "$took" -gt 0 ]; then say "✓ $label  $took s"; else say "✓ $label"; fi
        return 0
    fi
    [ ! -t 3 ] || printf '\r\033[K' >&3
    say "✗ $label"
    tail -n 20 "$LOG" | sed 's/^/  /' >&2
    fail "$label failed; all of it is in $LOG" "$ORIGINAL"
}

os_release() { (
    ID='' PRETTY_NAME=''
    # shellcheck source=/dev/null
    [ ! -r /etc/os-release ] || . /etc/os-release
    case $1 in
        id) printf '%s' "$ID" ;;
        name) printf '%s' "${PRETTY_NAME:-this system}" ;;
    esac
); }

new_enough() { "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
has_venv() { "$1" -I -c 'import ensurepip, venv' 2>/dev/null; }
version_of() { "$1" -I -c 'import platform; print(platform.python_version())' 2>/dev/null || echo '?'; }

# The system's own first. Only absolute paths: what PATH has may be a shim that belongs to a user's home.
pythons() {
    for found in /usr/bin/python3 /usr/bin/python3.1[1-9] /usr/local/bin/python3 /usr/local/bin/python3.1[1-9]; do
        [ ! -x "$found" ] || printf '%s\n' "$found"
    done
}

find_python() {
    for candidate in $(pythons); do
        if new_enough "$candidate" && has_venv "$candidate"; then
            PYTHON=$candidate
            return 0
        fi
    done
    return 1
}

apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=180 update || true # a repository that is down need not be the one with Python
    apt-get -o DPkg::Lock::Timeout=180 install -y --no-install-recommends "$@"
}

need_python() {
    ! find_python || return 0
    case $(os_release id) in
        debian | ubuntu)
            for candidate in $(pythons); do
                case $candidate in /usr/bin/*) ;; *) continue ;; esac
                if new_enough "$candidate"; then
                    step "Python's venv, for $candidate" apt_install "$(basename "$candidate")-venv"
                    ! find_python || return 0
                fi
            done
            [ -n "$(pythons)" ] || step 'Python' apt_install python3 python3-venv
            ! find_python || return 0
            ;;
    esac
    seen=''
    for candidate in $(pythons); do seen="$seen $candidate is $(version_of "$candidate");"; done
    fail "Python 3.11 or later with its venv module is needed, and $(os_release name) has none:${seen:- there is no python3}" \
        'apt-get install python3.11 python3.11-venv'
}

# What is to be installed, as 16 digits: the same ones mean that nothing has to be done.
source_hash() {
    {
        printf '%s %s\n' "$PYTHON" "$(version_of "$PYTHON")"
        if [ -n "$WHEEL" ]; then
            sha256sum <"$WHEEL"
        else
            cd "$HERE"
            find deployhost templates pyproject.toml -type f ! -name '*.pyc' -exec sha256sum {} + | LC_ALL=C sort -k 2
        fi
    } | sha256sum | cut -c 1-16
}

# point LINK TARGET: in one move, so that there is no moment without it.
point() {
    ln -s "$2" "$1.new.$$" && mv -fT "$1.new.$$" "$1"
}

# `set -e` does not hold in what `step` runs: each command says by && that the next needs it.
install_package() {
    rm -rf "$VENV" &&
        "$PYTHON" -m venv "$VENV" &&
        "$VENV/bin/python" -m pip --disable-pip-version-check install --no-input "$1" &&
        "$VENV/bin/deployhost" --version &&
        : >"$VENV/.complete"
}

linked() {
    [ "$(readlink "$HOME_DIR/current" || true)" = "$(basename "$VENV")" ] || return 1
    for name in deployhost deployhostd; do
        [ "$(readlink "$LINKS/$name" || true)" = "$HOME_DIR/current/bin/$name" ] || return 1
    done
}

link_commands() {
    for name in deployhost deployhostd; do
        if [ -e "$LINKS/$name" ] && [ ! -L "$LINKS/$name" ]; then
            echo "$LINKS/$name is somebody else's program; move it away"
            return 1
        fi
    done
    mkdir -p "$LINKS" && point "$HOME_DIR/current" "$(basename "$VENV")" || return 1
    for name in deployhost deployhostd; do point "$LINKS/$name" "$HOME_DIR/current/bin/$name" || return 1; done
}

uninstall() {
    dry=''
    for argument in "$@"; do [ "$argument" != --dry-run ] || dry=1; done
    if [ -x "$HOME_DIR/current/bin/deployhost" ]; then
        "$HOME_DIR/current/bin/deployhost" setup --uninstall "$@" 9>&-
    fi
    [ -z "$dry" ] || exit 0
    for name in deployhost deployhostd; do
        [ ! -L "$LINKS/$name" ] || rm -f "$LINKS/$name"
    done
    rm -rf "$HOME_DIR"
    say "✓ removed $HOME_DIR and its commands"
}

WHEEL='' UNINSTALL='' JSON='' left=$#
while [ "$left" -gt 0 ]; do
    argument=$1
    shift
    left=$((left - 1))
    case $argument in
        --wheel)
            [ "$left" -gt 0 ] || fail '--wheel needs a file' './install.sh --wheel FILE --local'
            WHEEL=$1
            shift
            left=$((left - 1))
            ;;
        --wheel=*) WHEEL=${argument#--wheel=} ;;
        *.whl) fail "there is one wheel to install, and $argument is another" "./install.sh --wheel $argument --local" ;;
        --uninstall) UNINSTALL=1 ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            [ "$argument" != --json ] || JSON=1
            set -- "$@" "$argument"
            ;;
    esac
done
# Beside JSON, the checklist is no part of the result.
if [ -n "$JSON" ]; then exec 3>&2; else exec 3>&1; fi

[ "$(id -u)" -eq 0 ] || fail 'this changes the machine: run it as root' "sudo $ORIGINAL"
umask 022
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV VIRTUAL_ENV || true
mkdir -p "$HOME_DIR"
# Nobody else may open it: they could hold it for ever. Earlier versions had one that anybody could read.
(umask 077 && : >>"$HOME_DIR/.install.lock") && rm -f "$HOME_DIR/.lock"
exec 9>>"$HOME_DIR/.install.lock"
flock -n 9 || fail 'another installation is under way' "$ORIGINAL"

if [ -n "$UNINSTALL" ]; then
    uninstall "$@"
    exit 0
fi

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
if [ -n "$WHEEL" ]; then
    [ -f "$WHEEL" ] || fail "there is no wheel $WHEEL" './install.sh --wheel dist/deployhost-VERSION-py3-none-any.whl --local'
    case $WHEEL in /*) ;; *) WHEEL=$PWD/$WHEEL ;; esac
elif [ ! -f "$HERE/pyproject.toml" ] || [ ! -d "$HERE/deployhost" ]; then
    fail "$HERE is no checkout of deployhost" './install.sh --wheel FILE --local'
fi
mkdir -p "$(dirname "$LOG")"
case $(os_release id) in
    debian | ubuntu) ;;
    *) say "! $(os_release name) is neither Debian nor Ubuntu: what is missing has to be installed by hand" ;;
esac

need_python
VENV=$HOME_DIR/venv-$(source_hash)
if [ -e "$VENV/.complete" ]; then
    say "✓ deployhost is installed in $HOME_DIR"
else
    step "deployhost into $HOME_DIR, with Python $(version_of "$PYTHON")" install_package "${WHEEL:-$HERE}"
fi
if ! linked; then step "the commands in $LINKS" link_commands; fi

exec "$HOME_DIR/current/bin/deployhost" setup "$@" 3>&- 9>&-
