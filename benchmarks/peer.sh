#!/usr/bin/env bash
# Makes the environment in which triage runs: benchmarks/peer.sh FOLDER
#
# FOLDER carries a stamp named after the interpreter and the lock, written last, so that one cut
# short is begun anew. No dependencies are resolved: the lock leaves out what features do not need.
set -euo pipefail
folder=$1
lock=$(dirname "${BASH_SOURCE[0]}")/requirements-triage.lock
python=${PYTHON:-python3}
stamp=$folder/.made-$({ "$python" -c 'import sys; print(sys.version)'; cat "$lock"; } | cksum | cut -d' ' -f1)
[ -e "$stamp" ] && exit 0
echo "bench: making triage's environment in $folder; this takes some minutes, once" >&2
"$python" -m venv --clear "$folder"
"$folder/bin/python" -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r "$lock"
touch "$stamp"
