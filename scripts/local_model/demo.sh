#!/usr/bin/env bash
# The demo with a real model: a 135 M model on this machine plans the keys with
# the most users, held to the vocabulary by a grammar.
#
#   scripts/local_model/demo.sh CATALOGUE OUTPUT [COVERAGE]
#
# COVERAGE is the share of users whose keys are planned; of the demo catalogue
# 0.4 are more than a hundred keys. The model knows nothing of the catalogue:
# the report shows how such plans look, not how good plans can be.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
port=8092
url=$("$here/run.sh" start --port $port)
trap '"$here/run.sh" stop --port $port' EXIT
"$here/../../bin/foray" run --items "$1/items.csv" --events "$1/events.csv" --clusters 72 --output "$2" \
  --planner openai --llm_endpoint "$url" --llm_model smollm2-135m --llm_decode grammar --llm_concurrency 4 \
  --llm_max_tokens 96 --key_coverage "${3:-0.4}"
