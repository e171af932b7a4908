#!/usr/bin/env bash
# Reads every table of an output with DuckDB, pyarrow/pandas and polars, in a
# virtual environment made here, and holds them against what the README says.
#
#   scripts/interop/run.sh out/demo
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$here/../../.venv/interop
stamp=$venv/requirements.txt
if ! cmp -s "$here/requirements.txt" "$stamp"; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$stamp"
fi
exec "$venv/bin/python" "$here/check.py" "$1"
