"""Figures of the gallery: what a script saved in `results/` beside itself is moved into the site."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sphinx_gallery.scrapers import figure_rst

FOLDER = "results"


def scraper(block: Any, variables: dict[str, Any], conf: dict[str, Any]) -> str:
    """What sphinx-gallery calls after every block of a script.

    Args:
        block: The block.
        variables: `src_file`, and `image_path_iterator`, which gives the paths of its pictures.
        conf: Settings of the gallery.

    Returns:
        reStructuredText that shows the figures the block saved.
    """
    del block
    folder, found = Path(variables["src_file"]).parent / FOLDER, []
    for path in sorted(folder.glob("*.png")):
        found.append(next(variables["image_path_iterator"]))
        shutil.move(path, found[-1])
    shutil.rmtree(folder, ignore_errors=True)
    return figure_rst(found, conf["src_dir"], variables["src_file"])
