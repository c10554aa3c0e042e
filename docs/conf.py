"""Settings of the site: `sphinx-build -W -b html docs OUT` (pip install -e '.[docs]'). Nothing asks the network."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_site"))

project = "messjax"
author = "The messjax developers"
copyright = "the messjax developers, Apache-2.0"
release = metadata.version("messjax")

extensions = [
    "myst_nb",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # MathJax from a package, copied into the site
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
    "messjax_site",  # docs/_site: pages made of the code, docstrings as reStructuredText
]
exclude_patterns = ["_site", "_build", "examples", "gallery", "generated/gallery/*.ipynb"]  # those are for download

myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_dmath_double_inline = True  # $$ within a paragraph, as in theory.md
myst_heading_anchors = 4
smartquotes = False  # T2' stays a name that can be copied
nb_execution_mode = "cache"  # by content: what did not change is not run again
nb_execution_in_temp = True
nb_execution_timeout = 240
nb_execution_raise_on_error = True
nb_merge_streams = True

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "generated/gallery",
    "filename_pattern": "/",  # every script is run, again only after it has changed
    "image_scrapers": ("gallery_figures.scraper",),
    "within_subsection_order": "FileNameSortKey",
    "thumbnail_size": (400, 300),
    "min_reported_time": 3_600,  # seconds: the page is the same wherever it is built
    "capture_repr": (),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "show_memory": False,
    "write_computation_times": False,  # its page asks the network for a script
}

autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "pydata_sphinx_theme"
html_title = "messjax"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": True, "use_edit_page_button": False}
