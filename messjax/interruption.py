"""Ctrl-C and SIGTERM end a program within two seconds, wherever it is, and workers end with their parent.

Python handles a signal between two of its own instructions, and neither a compiled program nor the compiler returns to
them for minutes. A thread therefore hears of the signal as well: where the program has not ended by itself after a
second it ends the process. Nothing is lost by that, because what is finished is on the disk already (`run_folder`).
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["Interrupted", "follow_parent", "handled", "message", "say_how_to_resume", "start_worker", "supervised"]

GRACE = 1.0  # seconds in which a program may end by itself
PARENT = "MESSJAX_PARENT"  # environment: process id of the program that this one is a worker of
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_resume: list[str] = []  # how to go on, of the runs that are open


class Interrupted(KeyboardInterrupt):
    """A program was told to end.

    Attributes:
        code: Exit code of the program, 128 and the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


@contextmanager
def handled(name: str) -> Iterator[None]:
    """Raise `Interrupted` where a signal arrives, and end the process where that does not help.

    Args:
        name: Name of the program, which starts its last line.

    Yields:
        Nothing.

    Raises:
        Interrupted: In the main thread, where the program is.
    """
    if os.environ.get(PARENT):
        start_worker(int(os.environ[PARENT]))
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is _raise:  # a program within a program
        yield
        return
    hear, tell = os.pipe()
    os.set_blocking(tell, False)
    earlier = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        if earlier[number] is not signal.SIG_IGN:  # of nohup, or of a worker
            signal.signal(number, _raise)
    earlier_fd = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    threading.Thread(target=_end, args=(name, hear), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(earlier_fd)
        for number, action in earlier.items():
            signal.signal(number, action)
        os.close(tell)  # the thread reads its end
        _resume.clear()


def _raise(number: int, frame: Any) -> None:
    raise Interrupted(number)


def _end(name: str, hear: int) -> None:
    """End the process a second after a signal, at once after a second one."""
    while True:
        byte = os.read(hear, 1)
        if not byte:
            os.close(hear)
            return
        if byte[0] in _SIGNALS and signal.getsignal(byte[0]) is _raise:
            break
    select.select([hear], [], [], GRACE)
    with suppress(OSError):
        show_cursor = "\x1b[?25h" if os.isatty(2) else ""  # a bar of progress hides it
        os.write(2, f"{show_cursor}{name}: {message()}\n".encode())
    os._exit(128 + byte[0])


def message() -> str:
    """What a program says when it was interrupted.

    Returns:
        One line: where the finished work is, and the command that goes on with it.
    """
    return "; ".join(["interrupted", *_resume[-1:]])


@contextmanager
def say_how_to_resume(text: str) -> Iterator[None]:
    """What an interruption adds to its message meanwhile.

    Args:
        text: Where the finished work is, and the command that goes on with it.

    Yields:
        Nothing.
    """
    _resume.append(text)
    yield
    _resume.remove(text)  # not where it was interrupted: the message is still to come


def follow_parent(parent: int) -> None:
    """End this process when its parent has ended, however that was: nobody waits for what it computes.

    Args:
        parent: Process id of the parent.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    if sys.platform == "linux":  # at once; the thread below is for a parent that has ended already, and other systems
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if sys.platform != "win32":
        threading.Thread(target=watch, daemon=True).start()


def supervised(name: str, run: Callable[[], int]) -> int:
    """Run one of several processes that share a run, in a child that this process waits for.

    Where one of them dies, JAX's runtime aborts the others from a thread of its own, with nothing but a stack of C++
    functions: only another process can say what has happened. JAX must not have been imported yet.

    Args:
        name: Name of the program, which starts the line that says so.
        run: The program.

    Returns:
        Its exit code, in both processes; 3 where the child was ended by a signal, as by that abort.
    """
    if not hasattr(os, "fork"):
        return run()
    sys.stdout.flush()
    sys.stderr.flush()
    parent, child = os.getpid(), os.fork()
    if child == 0:
        os.setpgid(0, 0)  # a Ctrl-C of the terminal comes once, through the parent
        follow_parent(parent)
        return run()  # and on to the end of the program, where JAX leaves the others in order
    for number in _SIGNALS:
        signal.signal(number, lambda heard, _: os.kill(child, heard))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code >= 0:
        return code
    if code == -signal.SIGABRT:
        what = "another process of this run has ended or does not answer (JAX says above which)"
    else:
        what = f"the process was ended by {signal.Signals(-code).name}"
    print(f"{name}: {what}; start the same command again on every machine, it goes on from there", file=sys.stderr)
    return 3


def start_worker(parent: int) -> None:
    """What a worker process does first: it ends with its parent, which alone hears of Ctrl-C.

    Args:
        parent: Process id of the parent.
    """
    follow_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
