"""What the docs show runs, and prints what they say it prints."""

import ast
import doctest
import inspect
import re
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sklearn_snn

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
MARKDOWN = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *ROOT.glob("benchmarks/**/*.md")]
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))

#: A block of code, and what it prints, if a block of text follows.
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)


def blocks(page):
    """Code with the line numbers that it has in the page, and its output or None."""
    text = page.read_text()
    for match in BLOCK.finditer(text):
        lines_above = text.count("\n", 0, match.start(1))
        yield "\n" * lines_above + match[1], match[2]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if list(blocks(page))], ids=lambda page: page.stem
)
def test_the_code_of_a_page_runs_block_after_block(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    names = {}
    for code, wanted in blocks(page):
        printed = StringIO()
        with redirect_stdout(printed):
            exec(compile(code, page, "exec"), names)
        if wanted is not None:
            got = printed.getvalue()
            right = doctest.OutputChecker().check_output(wanted, got, flags)
            assert right, f"{page.name} says\n{wanted}but it is\n{got}"


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


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page):
    """The build of the site checks its own; these are those that a repository shows."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            # The gallery is made of the examples.
            target = re.sub(r"^gallery/(\w+)\.rst$", r"examples/\1.py", target)
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short_and_draws(path):
    lines = path.read_text().splitlines()
    assert len(lines) < 60
    assert "plt.show()" in lines


def text_of(node):
    """A string of the source, with … for what is filled in; None for other nodes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "…" for part in node.values)
    return None


def messages(tree):
    """What is raised or warned of, in a function that has the text at hand."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            call = node.exc if isinstance(node, ast.Raise) else node
            is_told = call is not node or (
                isinstance(call, ast.Call) and ast.unparse(call.func) == "warnings.warn"
            )
            if not (is_told and isinstance(call, ast.Call) and call.args):
                continue
            if text := text_of(call.args[0]):
                yield text
            elif getattr(call.args[0], "id", "") == "message":  # one of a dict
                dicts = (n for n in ast.walk(function) if isinstance(n, ast.Dict))
                yield from filter(None, (text_of(key) for d in dicts for key in d.keys))


def test_troubleshooting_knows_every_message():
    page = " ".join((DOCS / "troubleshooting.md").read_text().split())
    package = Path(inspect.getfile(sklearn_snn)).parent
    trees = [ast.parse(path.read_text()) for path in sorted(package.glob("_[a-z]*.py"))]
    told = [" ".join(text.split()) for tree in trees for text in messages(tree)]
    assert len(told) > 40
    assert [text for text in told if f"`` {text} ``" not in page] == []


def test_the_map_of_the_code_names_every_module():
    page = (DOCS / "how_it_works.md").read_text()
    package = Path(inspect.getfile(sklearn_snn)).parent
    modules = {path.stem for path in package.glob("_[a-z]*.py")} - {"_version"}
    assert [name for name in sorted(modules) if f"`{name}`" not in page] == []


@pytest.mark.parametrize("page", sorted(DOCS.glob("from_*.md")), ids=lambda p: p.stem)
def test_pages_for_others_name_what_there_is_here(page):
    estimator = sklearn_snn.SNNRegressor()
    known = {*dir(estimator), *vars(sklearn_snn.SNNClassifier()), "None"}
    known |= set(sklearn_snn.__all__)
    known |= set(re.findall(r"^    (\w+_) :", estimator.__doc__, re.M))
    for method in (estimator.fit, sklearn_snn.SNNClassifier.partial_fit):
        known |= set(inspect.signature(method).parameters)
    rows = [line.split("|")[1:-1] for line in page.read_text().splitlines()]
    cells = [row[2 if len(row) == 4 else 1] for row in rows if row]  # ours
    ours = {name for cell in cells for name in re.findall(r"`([a-z]\w+)", cell)}
    assert len(ours) > 10
    assert ours - known == set()


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
    lines = ["default networks", "predicted worst", "tuned networks", "mean of both"]
    for line in [*lines, "blend,"]:
        assert line in done.stdout
    submission = pd.read_csv(tmp_path / "submission.csv", index_col=0)
    assert len(submission) == 100
    if target == "price":
        errors = submission["price"].to_numpy() - test["price"].to_numpy()
        assert np.sqrt(np.mean(errors**2)) < 0.6 * test["price"].std()
    else:
        assert list(submission) == ["large", "small"]
        assert np.mean(submission.idxmax(axis=1).to_numpy() == test["kind"]) > 0.8
