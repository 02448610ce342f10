#!/bin/sh
# environment.sh run|dev: make .venv with the pinned packages of requirements/run.txt or dev.txt, unless it has them.
# Plain POSIX shell: it must work before anything is installed, on Linux and macOS.
set -eu
unset CDPATH
cd "$(dirname "$0")/.."
here=$(pwd)
kind=$1

say() { printf '%s\n' "$*" >&2; }
sum() { cksum < "requirements/$1.txt" | tr ' ' '-'; }
stamp=.venv/.staysync-environment
wanted="$kind $(sum "$kind") $here"

# The packages for development contain those for running.
is_ready() {
    [ -r "$stamp" ] && .venv/bin/python -c '' 2>/dev/null || return 1
    has=$(cat "$stamp")
    [ "$has" = "$wanted" ] || { [ "$kind" = run ] && [ "$has" = "dev $(sum dev) $here" ]; }
}

# Runs the candidate: a version manager's shim may be there and still fail, and Debian's Python may come without venv.
is_new_enough() {
    [ -x "$1" ] && "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

# Prints the first Python that will do: the asked for, then by name through the whole PATH, then where managers keep it.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        candidate=$(command -v "$PYTHON" || true)
        is_new_enough "$candidate" && printf '%s\n' "$candidate" && return 0
        say "PYTHON=$PYTHON isn't Python 3.12 or newer with venv."
        exit 1
    fi
    for name in python3.13 python3.12 python3.14 python3 python; do
        rest=$PATH:
        while [ -n "$rest" ]; do
            folder=${rest%%:*}
            rest=${rest#*:}
            is_new_enough "${folder:-.}/$name" && printf '%s\n' "${folder:-.}/$name" && return 0
        done
    done
    for folder in "${PYENV_ROOT:-${HOME:-/}/.pyenv}"/versions/3.1[2-9]*/bin /opt/homebrew/bin /usr/local/bin; do
        for name in python3.13 python3.12 python3.14 python3; do
            is_new_enough "$folder/$name" && printf '%s\n' "$folder/$name" && return 0
        done
    done
    return 1
}

install_with_python() {
    if ! .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
        rm -rf .venv
        "$python" -m venv .venv
    fi
    PIP_ROOT_USER_ACTION=ignore .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input \
        --require-hashes -r "requirements/$kind.txt"
}

install_with_uv() {
    rm -rf .venv
    uv venv -q --python 3.13 .venv # which uv fetches if the machine has none
    uv pip install -q --python .venv/bin/python --require-hashes -r "requirements/$kind.txt"
}

# StaySync itself is used where it lies, so nothing has to be built.
link_staysync() {
    packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$here" > "$packages/staysync.pth"
    cat > .venv/bin/staysync <<'SCRIPT'
#!/bin/sh
exec "$(dirname "$0")/python" -m staysync "$@"
SCRIPT
    chmod +x .venv/bin/staysync
}

if [ "${FIND_PYTHON_ONLY:-}" = 1 ]; then # for the tests
    find_python
    exit
fi

is_ready && exit 0

# Two first runs at once take turns. The lock of a process that is gone doesn't count.
until mkdir .venv.lock 2>/dev/null; do
    holder=$(cat .venv.lock/pid 2>/dev/null || true)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then rm -rf .venv.lock; else sleep 1; fi
done
trap 'rm -rf .venv.lock' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
echo $$ > .venv.lock/pid
is_ready && exit 0

rm -f "$stamp"
if python=$(find_python); then
    say "Installing the pinned packages into .venv (once) …"
    install_with_python
elif command -v uv >/dev/null 2>&1; then
    say "Installing Python and the pinned packages into .venv with uv (once) …"
    install_with_uv
else
    say "StaySync needs Python 3.12 or newer (with venv), or uv; found neither. PYTHON=/path/to/python make … names one."
    exit 1
fi
link_staysync
printf '%s\n' "$wanted" > "$stamp"
