#!/bin/sh
# Check types in the whole code base; which rules, pyproject.toml says.
set -eu
cd "$(dirname "$0")/.."
exec "${VENV:-.venv}/bin/python" -m mypy "$@"
