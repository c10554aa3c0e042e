"""Pickles read as data: nothing that a pickle names is ever imported, and nothing in it is ever called.

A pickle is a program for a stack machine that may call any function of any module. This is another machine for the
same instructions (decoded by the standard library's `pickletools`). Where the program names a function or class, the
exact pair (module, name) must be in `pickle_names.KNOWN`, which has what DataFrames of plain columns need; a call of
it only makes a `Made`, a note of the name and its arguments, that `traces.frames` takes numbers and texts from. What
is not in `KNOWN` is refused by its name before anything else is done with it; so are extension codes, persistent ids,
buffers outside the file, and sets. Memory and time are of the order of the file's size: every instruction makes one
small object, the memo is a dictionary, keys are texts.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from messjax.traces.pickle_names import EXPECTED, Made, Named, RefusedError, named

_CONSTANTS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_FIXED: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}
_REFUSED = {
    "EXT1": "an object of the extension registry",
    "EXT2": "an object of the extension registry",
    "EXT4": "an object of the extension registry",
    "PERSID": "a persistent id",
    "BINPERSID": "a persistent id",
    "NEXT_BUFFER": "a buffer outside the file",
    "READONLY_BUFFER": "a buffer outside the file",
    "EMPTY_SET": "a set",
    "ADDITEMS": "a set",
    "FROZENSET": "a frozenset",
}


def load(path: Path) -> tuple[Any, int]:
    """Read a pickle without running anything in it.

    Args:
        path: The file.

    Returns:
        What the pickle describes, as plain values, `Named` and `Made`, and the size of the file in bytes.

    Raises:
        RefusedError: It asks for something that is not known; nothing was run.
        ValueError: It is not a whole pickle.
    """
    data = path.read_bytes()
    if not data:
        raise ValueError(f"{path} is empty, expected a pickle of {EXPECTED}")
    machine, position = _Machine(), 0
    try:
        for operation, argument, at in pickletools.genops(data):
            position = at or 0
            machine.step(operation.name, argument)
    except RefusedError as error:
        raise RefusedError(f"{path}: the pickle asks for {error}, expected {EXPECTED}; nothing was run") from None
    except (ValueError, MemoryError, Warning) as error:  # an odd escape in a text warns, perhaps as an error
        why = " ".join(str(error).split())[:120]
        raise ValueError(f"{path}: found a broken pickle at byte {position} ({why}), expected {EXPECTED}") from None
    if after := len(data) - position - 1:
        raise ValueError(f"{path}: found {after} bytes after the end of the pickle, expected one pickle per file")
    return machine.result, len(data)


class _Machine:
    """The stack machine. Every broken program ends in a ValueError."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []  # the stacks below each mark
        self.memo: dict[int, Any] = {}
        self.result: Any = None

    def step(self, name: str, argument: Any) -> None:
        if name in _CONSTANTS:
            self.stack.append(argument)
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.top()
        elif name in _FIXED:
            self.stack.append(_FIXED[name]())
        elif name in _REFUSED:
            what = _REFUSED[name]
            shown = {"EXT": f" (code {argument})", "PERS": f" ({argument!r:.60})"}.get(name.rstrip("124ID"), "")
            raise RefusedError(what + shown)
        else:
            getattr(self, f"do_{name.lower()}")(argument)  # the names are those of pickletools, not of the file

    def top(self) -> Any:
        if not self.stack:
            raise ValueError("the stack is empty")
        return self.stack[-1]

    def pop(self) -> Any:
        self.top()
        return self.stack.pop()

    def pop_mark(self) -> list[Any]:
        if not self.marked:
            raise ValueError("no mark")
        items, self.stack = self.stack, self.marked.pop()
        return items

    def do_proto(self, version: int) -> None:
        if version > 5:
            raise ValueError(f"protocol {version}")

    def do_frame(self, _: Any) -> None:
        """A hint for buffered reading."""

    def do_stop(self, _: Any) -> None:
        self.result = self.pop()
        if self.stack or self.marked:
            raise ValueError("values are left on the stack")

    def do_mark(self, _: Any) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def do_pop(self, _: Any) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def do_pop_mark(self, _: Any) -> None:
        self.pop_mark()

    def do_dup(self, _: Any) -> None:
        self.stack.append(self.top())

    def do_put(self, index: int) -> None:
        self.memo[index] = self.top()

    do_binput = do_long_binput = do_put

    def do_get(self, index: int) -> None:
        if index not in self.memo:
            raise ValueError(f"nothing was kept as {index}")
        self.stack.append(self.memo[index])

    do_binget = do_long_binget = do_get

    # Lists, tuples, dictionaries

    def do_list(self, _: Any) -> None:
        items = self.pop_mark()
        self.stack.append(items)

    def do_tuple(self, _: Any) -> None:
        items = self.pop_mark()
        self.stack.append(tuple(items))

    def do_tuple1(self, _: Any) -> None:
        self._tuple(1)

    def do_tuple2(self, _: Any) -> None:
        self._tuple(2)

    def do_tuple3(self, _: Any) -> None:
        self._tuple(3)

    def _tuple(self, size: int) -> None:
        if len(self.stack) < size:
            raise ValueError("the stack is empty")
        self.stack[-size:] = [tuple(self.stack[-size:])]

    def do_append(self, _: Any) -> None:
        self._extend([self.pop()])

    def do_appends(self, _: Any) -> None:
        self._extend(self.pop_mark())

    def _extend(self, items: list[Any]) -> None:
        if type(self.top()) is not list:
            raise ValueError("items of what is no list")
        self.top().extend(items)

    def do_dict(self, _: Any) -> None:
        items = self.pop_mark()
        self.stack.append({})
        self._set(items)

    def do_setitem(self, _: Any) -> None:
        value = self.pop()
        self._set([self.pop(), value])

    def do_setitems(self, _: Any) -> None:
        self._set(self.pop_mark())

    def _set(self, items: list[Any]) -> None:
        record = self.top()
        if type(record) is not dict or len(items) % 2:
            raise ValueError("items of what is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) is not str:
                raise ValueError("a key that is no text")
            record[key] = value

    # Names and calls

    def do_global(self, pair: str) -> None:
        self.stack.append(named(*pair.split(" ", 1)))

    def do_stack_global(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        if type(name) is not str or type(module) is not str:
            raise ValueError("a name that is no text")
        self.stack.append(named(module, name))

    def do_inst(self, pair: str) -> None:
        items, function = self.pop_mark(), named(*pair.split(" ", 1))
        self._call(function, tuple(items))

    def do_obj(self, _: Any) -> None:
        items = self.pop_mark()
        if not items:
            raise ValueError("a call of nothing")
        self._call(items[0], tuple(items[1:]))

    def do_reduce(self, _: Any) -> None:
        arguments = self.pop()
        self._call(self.pop(), arguments)

    do_newobj = do_reduce

    def do_newobj_ex(self, _: Any) -> None:
        if self.pop():
            raise ValueError("arguments by name")
        self.do_reduce(None)

    def _call(self, function: Any, arguments: Any) -> None:
        if not isinstance(function, Named) or type(arguments) is not tuple:
            raise ValueError("a call of what is no function")
        name = function.name
        if name == "_reconstructor":  # of protocols 0 and 1: (class, object, None)
            if len(arguments) != 3 or not isinstance(arguments[0], Named) or arguments[2] is not None:
                raise ValueError("an object of no class")
            name, arguments = arguments[0].name, ()
        self.stack.append(Made(name, arguments))

    def do_build(self, _: Any) -> None:
        state = self.pop()
        made = self.top()
        if not isinstance(made, Made) or made.state is not None:
            raise ValueError("a state of what has none")
        made.state = state
