"""What programs (the command line, sims/) do and the library never does by itself: settings, progress, exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:  # imported where they are used: a command's --help needs none of them
    from rich.console import Console

__all__ = [
    "Parser",
    "console",
    "cores",
    "number_list",
    "out_dir",
    "progress",
    "run_program",
    "use_all_cores",
    "use_compilation_cache",
    "whole_number",
]


class Parser(argparse.ArgumentParser):
    """Bad options are a ValueError like any bad input: `exit_code` says them in one line."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and exiting."""
        raise ValueError(f"{message} (see {self.prog} --help)")


def number_list(text: str) -> list[float]:
    """An option's value as numbers: `1,10,100`."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers separated by commas, found {text!r}") from None


def whole_number(least: int, most: int = 2**31 - 2) -> Callable[[str], int]:
    """An option's value as a whole number from `least` to `most`."""

    def parse(text: str) -> int:
        if not text.lstrip("-").isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most}, found {text!r}")
        return int(text)

    return parse


def out_dir(path: Path) -> Path:
    """Make the folder before the work is done, so that no result is lost for want of it."""
    path.mkdir(parents=True, exist_ok=True)
    return path


def use_all_cores() -> None:
    """One CPU device per core, so that `sweep` spreads over them, and the widest vectors the processor has.

    Without effect once JAX has touched a device. Vectors are 512 bits where there is AVX-512, unless XLA_FLAGS says
    otherwise: 3 to 22% faster on the workloads of sims.studies.speed.study (one run of each).
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "prefer_vector_width" not in flags and "avx512f" in _processor():
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_prefer_vector_width=512".strip()
    import jax

    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", cores())


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    """What Linux says of the processor; empty elsewhere."""
    with suppress(OSError):
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return ""


def use_compilation_cache(folder: Path | None = None) -> None:
    """Keep compiled programs from one run to the next, in the platform's cache folder (or another).

    JAX must not have compiled anything yet. `messjax --no-cache` does without, and so does
    JAX_ENABLE_COMPILATION_CACHE=0.
    """
    import jax
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("messjax")) / "programs" if folder is None else folder
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def console() -> Console:
    """Tables go to standard output; where it is no terminal they are 200 columns wide, not 80."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 200, highlight=False)


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error over `total` pieces of work; yields `report(done, total)`, as `sweep` calls it.

    Where standard error is no terminal (a log, CI) it prints a line for every tenth done.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    errors = Console(stderr=True)
    columns = BarColumn(), TextColumn("{task.completed:,}/{task.total:,} " + what), TimeElapsedColumn()
    shown: Any = {"console": errors, "transient": True, "disable": not errors.is_terminal}
    with Progress(*columns, TimeRemainingColumn(), **shown) as bar:
        task = bar.add_task("", total=total)
        tenth = 0

        def report(done: int, total: int) -> None:
            nonlocal tenth
            bar.update(task, completed=done)
            if not errors.is_terminal and 10 * done // total > tenth:
                tenth = 10 * done // total
                print(f"{done:,}/{total:,} {what}", file=sys.stderr, flush=True)

        yield report


def run_program(name: str, run: Callable[[], None]) -> int:
    """Run a program: 0, or 2 after one line on standard error for bad input (ValueError), 130 when interrupted."""
    try:
        run()
    except ValueError as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{name}: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"{name}: not enough memory: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    return 0
