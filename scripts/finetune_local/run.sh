#!/usr/bin/env bash
# Fine-tunes SmolLM2-135M by LoRA on the examples that foray curate wrote, on
# the CPU or on a GPU if there is one, and writes it as a GGUF file that
# scripts/local_model serves.
#
#   bin/foray curate --prompt scripts/finetune_local/prompt.txt --events events.csv --output out
#   scripts/finetune_local/run.sh --output out --to out/tuned
#   scripts/local_model/run.sh start --model out/tuned/tuned.gguf
#   bin/foray plan --prompt scripts/finetune_local/prompt.txt --planner openai \
#     --llm_endpoint http://127.0.0.1:8090/v1 --llm_model tuned --output out
#
# A run that was stopped goes on from its last checkpoint. --help tells of the
# flags; --base FILE.gguf starts from another Llama with SmolLM's tokens.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../venv.sh"
venv=$(environment finetune_local "$here/requirements.txt")
if command -v nvidia-smi >/dev/null; then
  "$venv/bin/pip" install --quiet --disable-pip-version-check "jax[cuda12]==$("$venv/bin/python" -c 'import jax; print(jax.__version__)')"
fi
if [ "${1-}" = check ]; then # of the network and the training themselves
  exec "$venv/bin/python" "$here/check.py"
fi
base=()
case " $* " in *" --base"*|*" --help "*) ;; *) model=$(base_model "$venv"); base=(--base "$model") ;; esac
exec "$venv/bin/python" "$here/train.py" ${base[@]+"${base[@]}"} "$@"
