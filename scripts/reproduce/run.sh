#!/usr/bin/env bash
# Reproduces the paper's two offline claims on small public data: fine-tuned
# models that name a valid cluster, and curated examples that remove the long
# tail which random examples leave.
#
#   scripts/reproduce/run.sh [DATA] [FOLDER]
#
# DATA holds online-retail/ and movietweetings-100k/ (../shared/data); what is
# not there is left out. FOLDER (out/reproduce) keeps every run, so that the
# command goes on where it was stopped. It ends in RESULTS.md beside this file,
# from all runs there are. Two hours on two cores; SEEDS="1" STEPS=200
# LORA="" are shorter. It needs python3, and the network the first time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
data=${1:-$root/../shared/data}
to=${2:-$root/out/reproduce}
source "$here/../venv.sh"
venv=$(environment reproduce "$here/requirements.txt")
foray=$root/bin/foray
tune=$root/scripts/finetune_local

# curate NAME CLUSTERS ITEM-FLAGS -- EVENT-FLAGS: a folder for each way, one
# with the successor as a hint, and one with the transitions of all users, also
# those after the cut.
curate() {
  local name=$1 clusters=$2 items=() events
  shift 2
  while [ "$1" != -- ]; do items+=("$1"); shift; done
  shift
  events=("$@")
  for way in diversified random popular hint all; do
    local out=$to/$name/$way flags=(--curation diversified --prompt "$tune/prompt.txt")
    case $way in
      random | popular) flags=(--curation "$way" --prompt "$tune/prompt.txt") ;;
      hint) flags=(--prompt "$tune/prompt_hint.txt") ;;
      all) flags+=(--train_until 1) ;;
    esac
    if [ ! -e "$out/training/CURRENT" ]; then
      "$foray" cluster "${items[@]}" "${events[@]}" --clusters "$clusters" --output "$out" >/dev/null
      "$foray" curate "${events[@]}" --validation_share 0.2 "${flags[@]}" --output "$out" >/dev/null
    fi
  done
}

"$venv/bin/python" --version
demo=$to/catalogue
[ -e "$demo/events.csv" ] || (cd "$root" && go run ./testdata/catalogue/cmd/generate --output "$demo")
curate demo 72 --items "$demo/items.csv" -- --events "$demo/events.csv"
if [ -d "$data/online-retail" ]; then
  curate online-retail 64 --items "$data/online-retail/items.csv" -- --events "$data/online-retail/interactions.csv"
fi
if [ -d "$data/movietweetings-100k" ]; then
  curate movietweetings-100k 128 --items "$data/movietweetings-100k/movies.dat" --text_columns 2,3 -- \
    --events "$data/movietweetings-100k/ratings.dat" --delimiter :: --no_header \
    --item_id_column 1 --user_id_column 1 --event_item_id_column 2 --timestamp_column 4
fi

for seed in ${SEEDS-1 2 3}; do
  for folder in "$to"/*/; do
    name=$(basename "$folder")
    [ -d "$folder/diversified" ] || continue
    for way in diversified random hint; do
      result=$to/results/scratch-$name-$way-$seed.jsonl
      [ -e "$result" ] || "$venv/bin/python" "$here/scratch.py" --output "$folder/$way" --to "$result" --seed "$seed" --steps "${STEPS:-400}"
    done
  done
done

# The 135 M model, on one data set.
for way in ${LORA-diversified random popular}; do
  result=$to/results/lora-demo-$way.jsonl
  if [ ! -e "$result" ]; then
    venv_base=$(environment finetune_local "$tune/requirements.txt")
    base=$(base_model "$venv_base")
    "$venv/bin/python" "$tune/train.py" --base "$base" --output "$to/demo/$way" --to "$to/lora-$way" \
      --steps "${LORA_STEPS:-400}" --batch 8 --every 80
    "$venv/bin/python" "$here/tuned.py" --base "$base" --output "$to/demo/$way" --from "$to/lora-$way" --to "$result"
  fi
done

"$venv/bin/python" "$here/results.py" "$to" "$here"
