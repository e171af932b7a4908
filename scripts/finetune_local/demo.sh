#!/usr/bin/env bash
# Teaches a small model the demo catalogue, has it plan the 200 keys with the
# most users, free-running, and ends with the report.
#
#   scripts/finetune_local/demo.sh CATALOGUE OUTPUT [STEPS]
#
# 300 steps take some 20 minutes on two quiet cores.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
foray=$here/../../bin/foray
server=$here/../local_model/run.sh
out=$2 steps=${3:-300} port=8093
from=(--items "$1/items.csv" --events "$1/events.csv" --clusters 72 --output "$out" --prompt "$here/prompt.txt")

"$foray" run "${from[@]}" --planner successor # clusters and examples; a table to compare with
"$here/run.sh" --output "$out" --to "$out/tuned-$steps" --steps "$steps" --batch 8 --every 100
url=$("$server" start --port $port --model "$out/tuned-$steps/tuned.gguf")
trap '"$server" stop --port $port' EXIT
# Nearly half of all users stand at 200 keys.
"$foray" run "${from[@]}" --planner openai --llm_endpoint "$url" --llm_model "tuned-$steps" --llm_decode free --llm_concurrency 4 \
  --key_coverage 0.47
