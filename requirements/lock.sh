#!/bin/sh
# lock.sh: pin the packages of the service, of `make run` (with the embedded servers) and of development, with hashes.
set -eu
cd "$(dirname "$0")/.."
if command -v uv >/dev/null 2>&1; then uv=uv; else
    .venv/bin/python -m pip install -q --disable-pip-version-check uv
    uv=.venv/bin/uv
fi
# No index address is written: who installs decides where from, and the hashes decide what.
compile() {
    "$uv" pip compile -q --universal --python-version 3.12 --generate-hashes --no-emit-index-url --upgrade \
        --custom-compile-command "make lock" "$@"
}
compile pyproject.toml --extra traces -o requirements/service.txt
compile pyproject.toml --extra embedded -c requirements/service.txt -o requirements/run.txt
compile pyproject.toml --extra embedded --extra traces --group dev -c requirements/run.txt -o requirements/dev.txt
