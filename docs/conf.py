"""Sphinx: `make docs`."""

import importlib.metadata

project = "skae"
author = "the skae developers"
copyright = "2026, the skae developers"
version = release = importlib.metadata.version("skae")

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
exclude_patterns = ["_build", "benchmarks/results.md"]
html_theme = "furo"
html_title = f"skae {release}"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# api.md lists the members itself; stub pages of their own would be one a method
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc's Parameters say more
numpydoc_show_class_members = False


def skip_sklearn(app, what, name, obj, skip, options):
    """Leave out what an estimator has from scikit-learn, word for word."""
    return str(getattr(obj, "__module__", "")).startswith("sklearn.") or None


def setup(app):
    app.connect("autodoc-skip-member", skip_sklearn)
