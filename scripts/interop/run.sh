#!/usr/bin/env bash
# Reads every table of an output with DuckDB, pyarrow/pandas and polars, in a
# virtual environment made here, and holds them against what the README says.
#
#   scripts/interop/run.sh out/demo
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../venv.sh"
venv=$(environment interop "$here/requirements.txt")
exec "$venv/bin/python" "$here/check.py" "$1"
