"""A validated policy in production: NumPy alone, without JAX. `Router.load(folder)` reads what `--export` wrote."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.deploy.router import Decision, Router

__all__ = ["Decision", "Router"]
__getattr__, __dir__ = lazy_imports.attach(__name__)
