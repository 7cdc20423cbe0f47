#!/bin/sh
# Makes .venv: finds a Python that really runs, installs the pinned packages, installs this project.
#
# Rules for this file: POSIX sh, nothing but coreutils and a Python. It downloads packages and nothing else, from
# whatever index pip is configured for. Running it again is cheap: a stamp in .venv says what it was made from.
#
#   scripts/bootstrap.sh                 make or repair .venv
#   scripts/bootstrap.sh --find-python   print the interpreter that would be used
#
# COATCHECK_PYTHON=/path/to/python names the interpreter instead of searching for one.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONHOME PYTHONPATH

venv=.venv
lock=requirements/lock.txt
stamp=$venv/.made-from
unfinished=$venv/.unfinished

say() { printf '%s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# Silent and 0 for an interpreter that will do; else says why it will not, and ends with 1.
probe='
import sys
def no(why):
    print(why)
    sys.exit(1)
v = sys.version_info
name = "%d.%d.%d" % v[:3]
if v < (3, 12):
    no(name + " is too old")
if v >= (3, 14):
    no(name + " is newer than the pinned packages allow (presidio-analyzer ends at 3.13)")
import sysconfig
if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
    no(name + " is not the usual CPython build, for which the packages are made")
for module in ("venv", "ensurepip", "ssl", "sqlite3", "zlib"):
    try:
        __import__(module)
    except ImportError:
        hint = " (Debian, Ubuntu: apt install python%d.%d-venv)" % v[:2] if module in ("venv", "ensurepip") else ""
        no(name + " lacks its module " + module + hint)
'

python=
tried=

# usable CANDIDATE: sets $python and succeeds if it will do, else notes why not. Running it is the only test that
# counts: a pyenv shim is on PATH, executable, and refuses.
usable() {
    found=$(command -v "$1" 2>/dev/null) || return 1
    if why=$("$found" -c "$probe" 2>/dev/null); then
        python=$found
        return 0
    fi
    tried="$tried
  $1: ${why:-does not run}"
    return 1
}

search() {
    for name in python3.13 python3.12 python3 python; do
        usable "$name" && return 0
    done
    for minor in 13 12; do
        for candidate in "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3."$minor"*/bin/python; do
            [ -x "$candidate" ] && usable "$candidate" && return 0
        done
    done
    if command -v uv >/dev/null 2>&1 && candidate=$(uv python find --no-project '>=3.12,<3.14' 2>/dev/null); then
        usable "$candidate" && return 0
    fi
    return 1
}

find_python() {
    if [ -n "${COATCHECK_PYTHON:-}" ]; then
        usable "$COATCHECK_PYTHON" && return 0
        fail "COATCHECK_PYTHON=$COATCHECK_PYTHON cannot be used:${tried:- no such command}"
    fi
    search && return 0
    cat >&2 <<MESSAGE
setup: found no Python that can be used. Coatcheck needs CPython 3.12 or 3.13 with its venv module.
Looked at:${tried:-
  (no python on PATH, under pyenv or uv)}
Install one and run make again:
  Debian, Ubuntu   apt install python3.13 python3.13-venv   (or python3.12 and python3.12-venv)
  Fedora           dnf install python3.13
  macOS            brew install python@3.13
  anywhere         pyenv install 3.13, or: uv python install 3.13
One that is installed elsewhere can be named: COATCHECK_PYTHON=/path/to/python3.13 make setup
MESSAGE
    exit 1
}

# What .venv was made from. The directory counts: a virtual environment cannot be moved.
fingerprint() {
    pwd -P
    "$venv/bin/python" -c 'import sys; print(sys.version, sys._base_executable)'
    cksum "$lock" pyproject.toml scripts/bootstrap.sh
}

current() {
    [ -f "$stamp" ] && [ ! -e "$unfinished" ] && [ -x "$venv/bin/coatcheck" ] || return 1
    [ -z "${COATCHECK_PYTHON:-}" ] || made_by "$COATCHECK_PYTHON" || return 1
    [ "$(fingerprint 2>/dev/null)" = "$(cat "$stamp")" ]
}

made_by() {
    base='import os, sys; print(os.path.realpath(sys._base_executable), sys.version)'
    [ "$("$venv/bin/python" -c "$base" 2>/dev/null)" = "$("$1" -c "$base" 2>/dev/null)" ]
}

# Is there a .venv that no run left half made, whose interpreter still runs, and that was made in this directory?
sound() {
    [ ! -e "$unfinished" ] && "$venv/bin/python" -c "$probe" >/dev/null 2>&1 &&
        "$venv/bin/python" -m pip --version >/dev/null 2>&1 &&
        grep -qF "$(pwd -P)/$venv/bin/python" "$venv/bin/pip" 2>/dev/null || return 1
    [ -z "${COATCHECK_PYTHON:-}" ] || made_by "$COATCHECK_PYTHON"
}

# pip: with its bars on a terminal, silent elsewhere. Its remarks on mirrors and on itself are not the reader's
# business here; everything else on stderr is.
exec 3>&1
pip() {
    if [ -t 1 ]; then quiet=; else quiet=-q; fi
    rm -f "$venv/.pip-failed"
    {
        # shellcheck disable=SC2086  # $quiet is one option or none
        PYTHONWARNINGS=ignore "$venv/bin/python" -m pip "$@" $quiet --no-input --disable-pip-version-check 2>&1 >&3 || : >"$venv/.pip-failed"
    } | grep -v -e '^WARNING: Location ' -e '^WARNING: .*index' -e '^Looking in ' -e '^DEPRECATION' >&2 || true
    [ ! -e "$venv/.pip-failed" ]
}

case ${1:-} in
--find-python)
    find_python
    say "$python"
    exit 0
    ;;
"") ;;
*) fail "unknown argument (there is only --find-python)" ;;
esac

if current; then
    say "setup: .venv is up to date"
    exit 0
fi

began=$(date +%s)
if sound; then
    say "[1/3] .venv is there and runs; bringing it up to date"
else
    find_python
    say "[1/3] making .venv with $python"
    rm -rf "$venv"
    "$python" -m venv "$venv" || fail "$python could not make a virtual environment in .venv (disk full? no right to write?)"
fi
rm -f "$stamp"
: >"$unfinished"

say "[2/3] installing $(grep -c '^[A-Za-z0-9].*==' "$lock") pinned packages (the first time takes a minute or more)"
pip install --no-deps --require-hashes -r "$lock" ||
    fail "pip could not install $lock. Above is what it said. Mend that (network? index in pip's configuration? disk?) and run make again."

say "[3/3] installing coatcheck itself"
pip install --no-deps --no-build-isolation -e . ||
    fail "pip could not install the project itself. Above is what it said."

fingerprint >"$stamp"
rm -f "$unfinished"
say "setup: done in $(($(date +%s) - began)) s"
