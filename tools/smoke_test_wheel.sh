#!/usr/bin/env bash
# Installs a wheel alone into an empty environment and asks it a question, away from the source tree.
set -euo pipefail
wheel=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"${PYTHON:-python3}" -m venv "$scratch/venv"
bin="$scratch/venv/bin"
"$bin/python" -m pip install --quiet --disable-pip-version-check "${TORCH:-torch==2.13.0}"
"$bin/python" -m pip install --quiet --disable-pip-version-check "$wheel"
mkdir "$scratch/repository"
printf 'def retry(request):\n    """Send a request again after a pause."""\n' > "$scratch/repository/client.py"
cd "$scratch"
export GOLDRANK_CACHE="$scratch/cache"
"$bin/goldrank" --version
"$bin/goldrank" search "where is a request sent again" --repo repository --rerank-weight 0.5 | tee answer.txt
grep -q "1. client.py:1-2" answer.txt
grep -q "goldrank-crossencoder" answer.txt
echo "the wheel answers"
