#!/usr/bin/env bash
# Builds the wheel, installs it alone into an empty environment without compilers, and
# fits and predicts outside of the checkout. `make test-wheel` runs it. It costs a second
# install of torch: about 1 GB of disk for the time it takes, and no download where pip's
# cache has it.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
pip="-m pip --disable-pip-version-check"

"${PYTHON:-python3}" -m venv "$folder/venv"
python="$folder/venv/bin/python"
$python $pip wheel -q --no-deps -c "$root/constraints.txt" -w "$folder" "$root"
# Whatever would be compiled fails: by this, and since no source is taken but the wheel.
export CC=/bin/false CXX=/bin/false
$python $pip install -q --only-binary :all: -c "$root/constraints.txt" torch
$python $pip install -q --only-binary :all: -c "$root/constraints.txt" "$folder"/sklearn_snn-*.whl
cd "$folder"
env -i HOME="$folder" PATH="$folder/venv/bin" python -W error - <<'END'
from importlib.metadata import files
from pathlib import Path

import numpy as np
import sklearn_snn
from sklearn_snn import SNNClassifier, SNNRegressor

assert Path(sklearn_snn.__file__).is_relative_to(Path.cwd()), "this is the checkout"
installed = {str(path) for path in files("sklearn-snn")}
assert "sklearn_snn/py.typed" in installed
assert not [path for path in installed if path.startswith(("tests", "benchmarks"))]

rng = np.random.default_rng(0)
X = np.array([rng.normal(size=300), rng.choice(["a", "b"], 300)], dtype=object).T
number = X[:, 0].astype(float) + (X[:, 1] == "a")
small = dict(max_iter=20, n_estimators=2, random_state=0)
for model, y in ((SNNClassifier(**small), number > 0), (SNNRegressor(**small), number)):
    score = model.fit(X[:200], y[:200]).score(X[200:], y[200:])
    assert score > 0.9, f"{type(model).__name__} has a score of {score} only"
print("The wheel works alone.")
END
