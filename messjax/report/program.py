"""The program inside a page that draws its figures: Vega, bundled once for each version of vl-convert and kept."""

from __future__ import annotations

import functools
import hashlib
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import platformdirs

from messjax import files


@functools.cache
def bundled(offered: str) -> str:
    """The program, which takes two seconds to bundle; in the platform's cache folder it is kept with its digest.

    Args:
        offered: JavaScript that offers what a page needs to its window.

    Returns:
        JavaScript.
    """
    import vl_convert

    name = hashlib.sha256(f"{version('vl-convert-python')} {offered}".encode()).hexdigest()[:16]
    path = Path(platformdirs.user_cache_dir("messjax")) / "pages" / f"{name}.js"
    with suppress(OSError, UnicodeDecodeError):  # what cannot be read is bundled anew
        digest, _, kept = path.read_bytes().decode().partition("\n")
        if digest == _digest(kept):
            return kept
    made: str = vl_convert.javascript_bundle(offered)
    with suppress(OSError):  # the page needs no cache
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, f"{_digest(made)}\n{made}")
    return made


def _digest(text: str) -> str:
    return f"// {hashlib.sha256(text.encode()).hexdigest()}"
