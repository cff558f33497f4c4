#!/usr/bin/env bash
# Makes the Python environment of the benchmarks' peers: JAX, PyTorch (for processors alone) and the transformers library.
# Nothing else in the repository needs it.
#   tools/bench/setup.sh FOLDER
set -euo pipefail
folder=${1:?usage: setup.sh FOLDER}
wanted='import jax, numpy, safetensors, tokenizers, torch, transformers'
if [[ -x $folder/bin/python ]] && "$folder/bin/python" -c "$wanted" 2>/dev/null; then exit 0; fi
python3 -m venv "$folder"
pip() { "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip 'jax>=0.4.30' 'numpy>=1.26' safetensors
# PyTorch's own index has builds without CUDA, which are a tenth of the size; it is not always reachable.
pip --index-url https://download.pytorch.org/whl/cpu 'torch>=2.5' || pip 'torch>=2.5'
pip 'transformers>=4.45' tokenizers
"$folder/bin/python" -c 'import jax, torch; print("jax", jax.__version__, "torch", torch.__version__)'
