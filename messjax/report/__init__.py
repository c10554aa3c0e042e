"""One self-contained page of a folder of results: `messjax report DIR`. It asks the network for nothing."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.report.page import write_report

__all__ = ["write_report"]
__getattr__, __dir__ = lazy_imports.attach(__name__)
