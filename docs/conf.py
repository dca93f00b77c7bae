"""How sphinx builds the site; `make docs` runs it."""

import re
import sys
from pathlib import Path

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.errors import ExtensionError

import sklearn_snn
from sklearn_snn._links import API_PAGES

sys.path.insert(0, str(Path(__file__).parent))  # for gallery_order

project = "sklearn_snn"
author = copyright = "the sklearn_snn developers"
version = release = sklearn_snn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["examples", "sg_execution_times.rst", "**/sg_execution_times.rst"]

# Pages -----------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# A link that leads nowhere is a warning, and a warning ends the build.
nitpicky = True
# In docstrings a name in backticks becomes a link if there is something of that name.
default_role = "py:obj"
# Types in docstrings are code, with quotes as they are.
smartquotes = False
nitpick_ignore_regex = [("py:obj", r".*"), ("py:.*", r"sklearn\.(?!snn).*")]
# Labels and terms are those of scikit-learn's site, in methods that are inherited.
suppress_warnings = ["ref.ref", "ref.term"]

# API -------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

#: Titles of the API page and what is listed below them: the first that fits.
API_GROUPS = {
    "Estimators": r"SNNClassifier|SNNRegressor|TabularPreprocessor",
    "Searches and scores": r"SNN\w+CV|search_space|masked_scorer",
    "Pictures": r"\w+Display",
    "The network and its theory": r"SNN|selu_parameters|moment_map\w*|\w+_moments",
    "Files": r"save|load|to_onnx",
    "More": r"[a-z]\w+",
}

# Gallery ---------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "gallery_order.NewcomersFirst",
    "doc_module": ("sklearn_snn",),
    "backreferences_dir": "api/examples",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 1,
}

# Looks -----------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
# Browsers draw MathML by themselves: no script from elsewhere, no LaTeX.
html_math_renderer = "mathml"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
toc_object_entries_show_parents = "hide"
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": []}
html_show_sourcelink = False


def write_api_page(path):
    """Write the page that lists all public names, from which their pages are made."""
    names = list(sklearn_snn.__all__)
    page = "API\n===\n\n.. currentmodule:: sklearn_snn\n"
    for title, pattern in API_GROUPS.items():
        group = [name for name in names if re.fullmatch(pattern, name)]
        names = [name for name in names if name not in group]
        if group:
            listed = "".join(f"   {name}\n" for name in group)
            page += f"\n{title}\n{'-' * len(title)}\n\n"
            page += f".. autosummary::\n   :toctree: .\n\n{listed}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(page)


def _links_between_pages(app, path, docname, content):
    """Links of the repository's own files, as links to the page of the same name."""
    content[0] = re.sub(r"\]\((?:[\w.]+/)+([\w.]+\.md)", r"](\1", content[0])


def _check_pages(app, error):
    """End the build where estimators link to pages that are not there."""
    folder = Path(app.outdir, API_PAGES.partition("/latest/")[2])
    for name in sklearn_snn.__all__:
        if hasattr(getattr(sklearn_snn, name), "_doc_link_template"):
            page = folder / f"sklearn_snn.{name}.html"
            if error is None and not page.exists():
                raise ExtensionError(f"{name} links to {page}, which was not built")


def _skip_member(app, what, name, member, skip, options):
    """Leave out what torch's modules and scikit-learn's routing bring along."""
    module = getattr(member, "__module__", None) or ""
    return skip or module.startswith("torch") or name.endswith(("_request", "_routing"))


def _formula(translator, node):
    """A formula of a line of text."""
    translator.body.append(tex2mathml(node.astext()))
    raise SkipNode


def _displayed_formula(translator, node):
    """A formula of its own lines, which can be moved where the screen is narrow."""
    formula = tex2mathml(node.astext(), as_block=True)
    translator.body.append(f'<div class="formula">{formula}</div>')
    raise SkipNode


def setup(app):
    """Called by sphinx."""
    app.add_html_math_renderer("mathml", (_formula, None), (_displayed_formula, None))
    app.connect("autodoc-skip-member", _skip_member)
    app.connect("build-finished", _check_pages)
    write_api_page(Path(__file__).parent / "api" / "index.rst")
    app.connect("include-read", _links_between_pages)
