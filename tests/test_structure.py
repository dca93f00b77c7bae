"""The package keeps its shape: imports point down, torch waits until it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_snn

PACKAGE = Path(sklearn_snn.__file__).parent
SOURCES = sorted(PACKAGE.glob("*.py"))

#: Each file may import those above it in this list, never those below.
ORDER = [
    "_version",
    "_files",
    "_memory",
    "_compat",
    "_links",
    "_powers_of_two",
    "_curves",
    "_devices",
    "_selu",
    "_layers",
    "_pieces",
    "_specs",
    "_costs",
    "_grouping",
    "_checkpoints",
    "_threads",
    "_torch_modes",
    "_interrupts",
    "_clock",
    "_dropout",
    "_propagation",
    "_input_scales",
    "_flat_parameters",
    "_modules",
    "_stacked_module",
    "_losses",
    "_optimizers",
    "_rows",
    "_batches",
    "_evaluation",
    "_records",
    "_stack",
    "_activations",
    "_net",
    "_training",
    "_prediction",
    "_weights",
    "_columns",
    "_chosen_columns",
    "_validation",
    "_scaling",
    "_parts",
    "_categories",
    "_target_means",
    "_preprocessing",
    "_scoring",
    "_masked_scorer",
    "_splits",
    "_smoothness",
    "_parameters",
    "_progress",
    "_encoding",
    "_members",
    "_planning",
    "_ensemble",
    "_base",
    "_fitted",
    "_moments",
    "_tasks",
    "_candidates",
    "_stacked_search",
    "_search",
    "_search_space",
    "_classifier",
    "_regressor",
    "_onnx_graph",
    "_onnx",
    "_saving",
    "_panels",
    "_loss_curve_display",
    "_activation_moments_display",
    "_moment_map_display",
    "_search_results_display",
    "__init__",
]


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module


def imported_names(path, module):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith(module):
            yield from (alias.name for alias in node.names)


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_every_file_has_its_place():
    assert sorted(path.stem for path in SOURCES) == sorted(ORDER)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_imports_point_down(path):
    ours = [name for name in imported_modules(path) if name.startswith("sklearn_snn")]
    below = {f"sklearn_snn.{name}" for name in ORDER[: ORDER.index(path.stem)]}
    assert set(ours) <= below


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_skorch_and_private_scikit_learn_are_imported_in_one_file_each(path):
    names = list(imported_modules(path))
    if path.stem != "_net":
        assert not [name for name in names if name.split(".")[0] == "skorch"]
    if path.stem != "_compat":
        assert not [
            name for name in names if name.startswith("sklearn.") and "._" in name
        ]
        private = [
            name for name in imported_names(path, "sklearn.") if name.startswith("_")
        ]
        assert not private


#: Private attributes of others that are used all the same, by module.
FOREIGN = {
    "_candidates": {"_validate_params"},
    "_optimizers": {"_fused_adamw_"},
    "_stacked_search": {"_validate_params"},
}


def test_private_attributes_of_others_are_used_where_we_know_of_it():
    defined, used = {"_replace", "_asdict", "_modules", "_index"}, {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                defined.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                defined.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                defined.add(node.attr)
            elif isinstance(node, ast.Attribute):
                used.setdefault(path.stem, set()).add(node.attr)
    private = {
        name: {
            attribute
            for attribute in attributes - defined
            if attribute.startswith("_") and not attribute.startswith("__")
        }
        for name, attributes in used.items()
    }
    assert {name: found for name, found in private.items() if found} == FOREIGN


SLOW = {"torch", "sklearn.metrics", "sklearn.model_selection", "matplotlib"}


@pytest.mark.parametrize(
    ("statement", "waits"),
    [
        ("import sklearn_snn", {"sklearn", *SLOW}),
        ("from sklearn_snn import SNNClassifier", SLOW),
    ],
)
def test_what_is_slow_to_import_waits_until_it_is_needed(statement, waits):
    imported = run(f"import sys; {statement}; print(*sys.modules)").split()
    assert "sklearn_snn" in imported
    assert not waits & set(imported)


def test_a_star_imports_every_public_name():
    code = (
        "import sklearn_snn; from sklearn_snn import *; "
        "print(set(sklearn_snn.__all__) - set(globals()))"
    )
    assert run(code) == "set()"


def test_an_estimator_is_made_cloned_and_shown_without_torch():
    code = (
        "import sys; from sklearn_snn import SNNClassifier; "
        "from sklearn.base import clone; print(clone(SNNClassifier())); "
        "print('torch' in sys.modules)"
    )
    assert run(code).splitlines()[-1] == "False"


@pytest.mark.parametrize("name", sklearn_snn.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert name in dir(sklearn_snn)
    assert getattr(sklearn_snn, name).__doc__


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'SNNTransformer'"):
        sklearn_snn.SNNTransformer  # noqa: B018
