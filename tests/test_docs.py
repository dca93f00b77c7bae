"""The scripts among the docs do what they say."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

DOCS = Path(__file__).parents[1] / "docs"


def raw_table(n_rows, target):
    """Numbers with gaps and strings, and a target that depends on both."""
    generator = np.random.default_rng(0)
    size = generator.lognormal(size=n_rows)
    colour = generator.choice(["red", "green", None], size=n_rows)
    score = np.log(size) + (colour == "red") + 0.1 * generator.normal(size=n_rows)
    size[::7] = np.nan
    if target == "kind":
        score = np.where(score > 0.3, "large", "small")
    return pd.DataFrame({"size": size, "colour": colour, target: score})


@pytest.mark.parametrize("target", ["price", "kind"])
def test_a_competition_from_raw_files_to_a_submission(tmp_path, target):
    table = raw_table(400, target)
    train, test = table[:300], table[300:]
    train.to_csv(tmp_path / "train.csv", index=False)
    test.drop(columns=target).to_csv(tmp_path / "test.csv", index=False)
    files = ["train.csv", "test.csv", target, "submission.csv"]
    command = [sys.executable, str(DOCS / "competition.py"), *files]
    done = subprocess.run(
        [*command, "--minutes", "0.03", "--candidates", "3"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for line in ("default network", "predicted worst", "tuned network", "blend,"):
        assert line in done.stdout
    submission = pd.read_csv(tmp_path / "submission.csv", index_col=0)
    assert len(submission) == 100
    if target == "price":
        errors = submission["price"].to_numpy() - test["price"].to_numpy()
        assert np.sqrt(np.mean(errors**2)) < 0.6 * test["price"].std()
    else:
        assert list(submission) == ["large", "small"]
        assert np.mean(submission.idxmax(axis=1).to_numpy() == test["kind"]) > 0.8


def test_what_the_page_on_saving_shows_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "saving.md").read_text(encoding="utf-8")
    code = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    names = {}
    for block in code:
        exec(block, names)
    assert len(code) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "model.onnx",
        "model.skops",
    ]
