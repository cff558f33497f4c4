#!/usr/bin/env bash
# Makes the Python environment of the benchmarks' peer: JAX. Nothing else in the repository needs it.
#   tools/bench/setup.sh FOLDER
set -euo pipefail
folder=${1:?usage: setup.sh FOLDER}
if [[ -x $folder/bin/python ]] && "$folder/bin/python" -c 'import jax, numpy' 2>/dev/null; then exit 0; fi
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check 'jax>=0.4.30' 'numpy>=1.26'
"$folder/bin/python" -c 'import jax; print("jax", jax.__version__)'
