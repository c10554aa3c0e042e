"""What only programs do, never the library by itself: settings of JAX, progress bars, exit codes."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from messjax import interruption, output
from messjax.arguments import Parser, gibibytes, number_list, whole_number

if TYPE_CHECKING:  # imported where they are used: a command's --help needs none of them
    from rich.console import Console

__all__ = [
    "Parser",
    "console",
    "cores",
    "gibibytes",
    "join_processes",
    "number_list",
    "out_dir",
    "process_index",
    "progress",
    "run_program",
    "use_all_cores",
    "use_compilation_cache",
    "whole_number",
]


HEARTBEAT = 30  # seconds without a sign of life after which a process of a shared run counts as dead


def out_dir(path: Path) -> Path:
    """Make a folder for results before any work is done, so that none is lost for lack of it.

    Args:
        path: The folder.

    Returns:
        The same path.
    """
    path.mkdir(parents=True, exist_ok=True)
    return path


def use_all_cores() -> None:
    """One CPU device per core, so that `sweep` spreads over them, and the widest vectors the processor has.

    Programs compute in 32 bits, whatever JAX_ENABLE_X64 says: their numbers are designed for it. JAX_DEBUG_NANS and
    JAX_DEBUG_INFS are switched off: NaN stands for what is not known, such as the mean of a recorded request.

    The rest is without effect once JAX has touched a device. Vectors are 512 bits where there is AVX-512, unless
    XLA_FLAGS says otherwise: 3 to 22% faster on the workloads of sims.studies.speed.study (one run of each).
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "prefer_vector_width" not in flags and "avx512f" in _processor():
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_prefer_vector_width=512".strip()
    import jax

    for name in ("jax_enable_x64", "jax_debug_nans", "jax_debug_infs"):
        jax.config.update(name, False)
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", cores())


def join_processes(where: str) -> None:
    """Join the processes that share a run, before JAX touches a device.

    Args:
        where: "auto" where Slurm, Kubernetes, MPI or a TPU pod tell each process who it is, else
            "HOST:PORT,PROCESSES,NUMBER": address of process 0, how many there are, and which this is, from 0 on.

    Raises:
        ValueError: The text is something else, or nothing tells.
    """
    import jax

    address, *numbers = where.split(",")
    if where != "auto" and (len(numbers) != 2 or not all(map(str.isdecimal, numbers))):
        raise ValueError(f"--distributed: found {where!r}, expected auto or HOST:PORT,PROCESSES,NUMBER")
    try:
        if where == "auto":
            jax.distributed.initialize(heartbeat_timeout_seconds=HEARTBEAT)
        else:
            jax.distributed.initialize(address, int(numbers[0]), int(numbers[1]), heartbeat_timeout_seconds=HEARTBEAT)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"--distributed {where}: {str(error).splitlines()[0]}") from error


def process_index() -> int:
    """Which of the processes that share a run this is.

    Returns:
        The number, from 0 on.
    """
    import jax

    return int(jax.process_index())


def cores() -> int:
    """Number of CPU cores that this process may use.

    Returns:
        The number, at least 1.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    """What Linux says of the processor; empty elsewhere."""
    with suppress(OSError):
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return ""


def use_compilation_cache(folder: Path | None = None) -> None:
    """Keep compiled programs from one run to the next.

    JAX must not have compiled anything yet. `messjax --no-cache` does without it, and so does
    JAX_ENABLE_COMPILATION_CACHE=0.

    Args:
        folder: Where to keep them; by default in the platform's cache folder.
    """
    import jax
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("messjax")) / "programs" if folder is None else folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "CHECKED").open("ab").close()
    except OSError as error:  # JAX would warn of every program
        where = f"{folder}: {error.strerror}; set XDG_CACHE_HOME to a folder that can be written, or give --no-cache"
        print(f"note: compiled programs are not kept in {where}", file=sys.stderr)
        return
    with suppress(OSError):  # another process has removed an entry meanwhile
        _remove_torn_programs(folder)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _remove_torn_programs(folder: Path) -> None:
    """Remove compiled programs that a kill or a full disk cut off: JAX would warn of them for ever and keep them.

    Each entry is read once, when it is new: CHECKED is as old as the last look.
    """
    stamp = folder / "CHECKED"
    last, now = stamp.stat().st_mtime if stamp.is_file() and stamp.stat().st_size else 0.0, time.time()
    for path in folder.glob("*-cache"):
        if path.stat().st_mtime >= last and not _is_whole(path.read_bytes()):
            path.unlink()
    stamp.write_text("the entries older than this file are whole\n", encoding="utf-8")
    os.utime(stamp, (now, now))


def _is_whole(content: bytes) -> bool:
    """Whether compressed bytes end where they say; those of a packing that Python does not have count as whole."""
    if content[:1] != b"\x78":  # zlib; JAX takes Zstandard where that is installed
        return bool(content)
    try:
        zlib.decompress(content)
    except zlib.error:
        return False
    return True


UNBROKEN = 2_000  # columns where standard output is no terminal: a pipe or a file has no right margin
NARROW = 110  # columns of a terminal below which the cells of wide tables are broken into lines


def console() -> Console:
    """The console for tables: standard output. Where it is no terminal nothing is broken into lines.

    A string is shown as it is, in titles and cells too: what looks like rich's markup (`[/x]`), an emoji's name or a
    terminal code may be a part of a model's name. Styles are given as `rich.text.Text`.

    Returns:
        The console.
    """
    from rich.console import Console
    from rich.text import Text

    class Plain(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(output.visible(text), **options)

    wide = None if sys.stdout.isatty() else UNBROKEN
    return Plain(file=output.terminal(sys.stdout), width=wide, highlight=False, markup=False, emoji=False)


SOON = 2.0  # seconds after which progress is shown


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar with rate and remaining time on standard error, once two seconds have passed.

    Where standard error is no terminal nothing is written.

    Args:
        total: Number of pieces of work.
        what: What they are called: "requests".

    Yields:
        `report(done, total)`, as `sweep` calls its argument `progress`.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class RateAndRest(ProgressColumn):  # by all that was done: rich's own knows nothing until a second report
        def render(self, task: Task) -> Text:
            rate = task.completed / task.elapsed if task.elapsed else 0.0
            if not rate or task.total is None:
                return Text("")
            rest = int((task.total - task.completed) / rate)
            shown = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"
            return Text(f"{shown}, {rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02} left")

    text = TextColumn("{task.completed:,.0f}/{task.total:,.0f} " + what)
    columns = BarColumn(), text, TimeElapsedColumn(), RateAndRest()
    bar = Progress(*columns, console=Console(file=output.terminal(sys.stderr)), transient=True)
    task = bar.add_task("", total=total)
    timer = threading.Timer(SOON, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda done, total: bar.update(task, completed=done, total=total)
    finally:
        timer.cancel()
        bar.stop()


def run_program(name: str, run: Callable[[], None]) -> int:
    """Run a program, and turn bad input into one line on standard error.

    A reader of standard output that goes away (`| head -1`) stops nothing: the program goes on and writes its files.

    Args:
        name: Name of the program, which starts that line.
        run: The program.

    Returns:
        Exit code: 0; 2 for bad input (ValueError), files, memory or a standard output that is full; 3 for an error of
        the program itself, or a worker that was killed; 130 and 143 when interrupted by Ctrl-C and SIGTERM. A program
        that checks something ends with 1 where the check fails, and never otherwise.
    """
    with output.guarded() as written, interruption.handled(name):
        code = _run(name, run)
        written.flush()
        if written.error is not None and not isinstance(written.error, BrokenPipeError):
            print(f"{name}: standard output: {written.error.strerror or written.error}", file=sys.stderr)
            code = code or 2
    return code


def _run(name: str, run: Callable[[], None]) -> int:
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
    except BrokenExecutor:
        print(
            f"{name}: a worker process was killed, perhaps for lack of memory (--workers 1 needs least); "
            f"{interruption.message().removeprefix('interrupted; ')}",
            file=sys.stderr,
        )
        return 3
    except RuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):  # how XLA says that memory is not enough
            traceback.print_exc()
            return 3
        what = " ".join(str(error).split("\n")[0].removeprefix("RESOURCE_EXHAUSTED:").split())
        print(f"{name}: not enough memory: {what}; fewer streams, controls or checkpoints need less", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(f"{name}: {interruption.message()}", file=sys.stderr)
        return interrupt.code if isinstance(interrupt, interruption.Interrupted) else 130
    except Exception:  # Python's own exit code for it is 1, which says that a check failed
        traceback.print_exc()
        return 3
    return 0
