#!/usr/bin/env bash
# Makes four outputs that differ in all that shapes tables and metrics, reads
# every table by DuckDB, pyarrow/pandas and polars, in a virtual environment
# made here, holds them against what the README says, and computes the metrics
# again by numpy.
#
#   scripts/interop/run.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/venv.sh
venv=$(environment interop scripts/interop/requirements.txt)
made=out/interop
rm -rf "$made"

quietly() { "$@" >"$made/log" 2>&1 || { cat "$made/log"; exit 1; }; }

# run NAME FLAGS…: an output of a catalogue, made by foray run.
run() {
  local name=$1 out=$made/$1
  shift
  mkdir -p "$made/$name"
  quietly go run ./testdata/catalogue/cmd/generate --output "$made/$name/data" --seed "${#name}" --items 900 --users 1500 --events 40000 --interests 24
  quietly bin/foray run --items "$out/data/items.csv" --events "$out/data/events.csv" --output "$out" --keep_versions 0 "$@"
}

# check OUT FLAGS…: plans the baselines by the same flags, and checks it all.
check() {
  local out=$1 events=$2
  shift 2
  "$venv/bin/python" scripts/interop/check.py "$out"
  for planner in successor popular nearest random; do
    quietly bin/foray plan --planner "$planner" --keys all --publish=false --keep_versions 0 --output "$out" "$@"
  done
  quietly bin/foray plan --planner random --seed 2 --keys all --publish=false --keep_versions 0 --output "$out" "$@"
  "$venv/bin/python" scripts/interop/metrics.py "$out" "$events"
}

mkdir -p "$made"
# Pairs in order, every key; what make demo wrote stays as it is.
cp -r out/demo "$made/pairs"
check "$made/pairs" testdata/demo/events.csv

# Sets, of which only those with the most users are planned.
run sets --clusters 24 --planner nearest --key_order set --key_coverage 0.9
check "$made/sets" "$made/sets/data/events.csv" --key_order set

# Triples that were observed, planned in two generations.
run triples --clusters 12 --planner random --history 3 --keys observed
quietly bin/foray plan --planner random --seed 7 --history 3 --keys observed --output "$made/triples"
quietly bin/foray evaluate --items "$made/triples/data/items.csv" --events "$made/triples/data/events.csv" --output "$made/triples"
check "$made/triples" "$made/triples/data/events.csv" --history 3

# A model's plans, where one answer in five has to be asked for again.
run answers --clusters 12
go build -o "$made/misbehave" ./scripts/misbehave
"$made/misbehave" --listen 127.0.0.1:8794 --output "$made/answers" --mix junk=0.2 >/dev/null 2>&1 &
server=$!
trap 'kill $server' EXIT
until (exec 3<>/dev/tcp/127.0.0.1/8794) 2>/dev/null; do sleep 0.1; done
quietly bin/foray plan --planner openai --llm_endpoint http://127.0.0.1:8794/v1 --llm_model any --min_match_rate 0 --output "$made/answers"
quietly bin/foray evaluate --items "$made/answers/data/items.csv" --events "$made/answers/data/events.csv" --output "$made/answers"
check "$made/answers" "$made/answers/data/events.csv"

if command -v chromium >/dev/null; then
  # axe-core comes inside a package whose browsers are not needed.
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r scripts/interop/axe.txt
  "$venv/bin/python" scripts/interop/page.py out/demo/report/index.html "$made/page"
else
  echo "the report was not opened: there is no chromium (Debian's package of that name)"
fi
