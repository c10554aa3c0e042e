"""A pickle that asks for anything but a DataFrame is refused by the name it asks for, and nothing runs."""

from __future__ import annotations

import contextlib
import copyreg
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.pickle_programs import call, name, put, text

from messjax.traces import read
from messjax.traces.frames import frame
from messjax.traces.pickle_names import KNOWN, RefusedError


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def touch(canary: Path) -> bytes:
    return text(f"touch '{canary}'")


def code(canary: Path) -> bytes:
    return text(f"open({str(canary)!r}, 'w').close()")


def words(canary: Path) -> bytes:
    return b"](" + text("touch") + text(canary) + b"e"


def inner(canary: Path) -> bytes:
    """The name of another pickle that makes the canary."""
    path = canary.with_suffix(".inner")
    path.write_bytes(call(name("os", "system"), touch(canary)) + b".")
    return text(path)


def script(canary: Path) -> bytes:
    path = canary.with_suffix(".py")
    path.write_text(f"open({str(canary)!r}, 'w').close()")
    return text(path)


def array(canary: Path) -> bytes:
    path = canary.with_suffix(".npy")
    np.save(path, np.array([Calls(os.system, f"touch '{canary}'")], dtype=object), allow_pickle=True)
    return text(path)


def nested(canary: Path) -> bytes:
    cells = np.array(["a text", Calls(os.system, f"touch '{canary}'")], dtype=object)
    return pickle.dumps(pd.DataFrame({"prompt": cells}), 4)[2:-1]


OS = call(name("importlib", "import_module"), text("os"))
ATTACKS: dict[str, tuple[Callable[[Path], bytes], str]] = {  # what it does, what it asks for first
    "os.system": (lambda c: call(name("os", "system"), touch(c)), "os.system"),
    "posix.system": (lambda c: call(b"cposix\nsystem\n", touch(c)), "posix.system"),
    "INST": (lambda c: b"(" + touch(c) + b"iposix\nsystem\n", "posix.system"),
    "OBJ": (lambda c: b"(" + name("posix", "system") + touch(c) + b"o", "posix.system"),
    "eval": (lambda c: call(name("builtins", "eval"), code(c)), "builtins.eval"),
    "exec": (lambda c: call(name("builtins", "exec"), code(c)), "builtins.exec"),
    "Popen": (
        lambda c: call(
            call(name("operator", "methodcaller"), text("wait")), call(name("subprocess", "Popen"), words(c))
        ),
        "operator.methodcaller",
    ),
    "subprocess.call": (lambda c: call(name("subprocess", "call"), words(c)), "subprocess.call"),
    "getattr": (lambda c: call(call(name("builtins", "getattr"), OS, text("system")), touch(c)), "builtins.getattr"),
    "methodcaller": (
        lambda c: call(call(name("operator", "methodcaller"), text("system"), touch(c)), OS),
        "operator.methodcaller",
    ),
    "attrgetter": (
        lambda c: call(call(call(name("operator", "attrgetter"), text("system")), OS), touch(c)),
        "operator.attrgetter",
    ),
    "partial": (
        lambda c: call(call(name("functools", "partial"), name("os", "system"), touch(c))),
        "functools.partial",
    ),
    "import_module": (lambda c: OS + b"0" + call(name("os", "system"), touch(c)), "importlib.import_module"),
    "run_path": (lambda c: call(name("runpy", "run_path"), script(c)), "runpy.run_path"),
    "read_pickle": (lambda c: call(name("pandas", "read_pickle"), inner(c)), "pandas.read_pickle"),
    "read_pickle by a dotted name": (
        lambda c: call(name("pandas", "io.pickle.read_pickle"), inner(c)),
        "pandas.io.pickle.read_pickle",
    ),
    "numpy.load": (lambda c: call(name("numpy", "load"), array(c), b"N", b"\x88"), "numpy.load"),
    "a dotted name": (lambda c: call(name("shutil", "os.system"), touch(c)), "shutil.os.system"),
    "a dotted name in an allowed module": (
        lambda c: call(name("numpy", "lib._npyio_impl.os.system"), touch(c)),
        "numpy.lib._npyio_impl.os.system",
    ),
    "an object in an array of objects": (nested, "posix.system"),
    "an argument of an allowed call": (
        lambda c: call(name("numpy", "dtype"), call(name("os", "system"), touch(c))),
        "os.system",
    ),
    "the state of an allowed object": (
        lambda c: name("pandas", "StringDtype") + b")\x81}" + text("a") + call(name("os", "system"), touch(c)) + b"sb",
        "os.system",
    ),
    "a value that is popped": (lambda c: call(name("os", "system"), touch(c)) + b"0N", "os.system"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_by_name_and_nothing_runs(tmp_path: Path, attack: str) -> None:
    canary = tmp_path / "canary"
    make, asked = ATTACKS[attack]
    program = b"\x80\x04" + make(canary) + b"."
    path = put(tmp_path, program)
    for metric in (frame, lambda file: read(file), lambda file: read(file, "routerbench")):
        with pytest.raises(RefusedError, match="nothing was run") as caught:
            metric(path)
        assert f"{path}: the pickle asks for {asked}, " in str(caught.value)
        assert not canary.exists()
    with contextlib.suppress(Exception):
        pickle.loads(program)
    assert canary.exists(), "this attack would have done nothing anyway"


@pytest.mark.parametrize("protocol", range(6))
def test_an_attack_in_every_protocol(tmp_path: Path, protocol: int) -> None:
    canary = tmp_path / "canary"
    path = put(tmp_path, pickle.dumps(Calls(os.system, f"touch '{canary}'"), protocol))
    with pytest.raises(RefusedError, match="asks for posix.system"):
        frame(path)
    assert not canary.exists()


@pytest.mark.parametrize("code_of", [0xF0, 0x1234, 0x12345678])
def test_the_extension_registry_is_not_asked(tmp_path: Path, code_of: int) -> None:
    canary = tmp_path / "canary"
    code_bytes = {0xF0: b"\x82\xf0", 0x1234: b"\x83\x34\x12"}.get(code_of, b"\x84" + struct.pack("<i", code_of))
    program = b"\x80\x02" + code_bytes + b"(" + touch(canary) + b"tR."
    copyreg.add_extension("os", "system", code_of)
    try:
        with pytest.raises(RefusedError, match=rf"an object of the extension registry \(code {code_of}\)"):
            frame(put(tmp_path, program))
        assert not canary.exists()
        pickle.loads(program)
        assert canary.exists()
        canary.unlink()
        with pytest.raises(RefusedError):  # the registry keeps what it found, past any find_class
            frame(put(tmp_path, program))
        assert not canary.exists()
    finally:
        copyreg.remove_extension("os", "system", code_of)


@pytest.mark.parametrize(
    ("program", "asked"),
    [
        (b"Psecret 1\n.", "a persistent id ('secret 1')"),
        (b"X\x01\0\0\0aQ.", "a persistent id"),
        (b"\x80\x05\x97.", "a buffer outside the file"),
        (b"\x80\x04\x8f.", "a set"),
        (b"\x80\x04(\x91.", "a frozenset"),
    ],
)
def test_other_requests_are_refused(tmp_path: Path, program: bytes, asked: str) -> None:
    with pytest.raises(RefusedError) as caught:
        frame(put(tmp_path, program))
    assert f"asks for {asked}" in str(caught.value)


@pytest.mark.parametrize(
    "asked",
    [
        *(
            "pandas.eval",
            "pandas.read_csv",
            "pandas.io",
            "pandas.DataFrame.eval",
            "pandas.DataFrame.__init__.__globals__",
        ),
        *("pandas.core.frame.DataFrame.query", "pandas.core.frame.sys", "pandas.core.indexes.base.lib"),
        *("numpy.f2py", "numpy.fromfile", "numpy.memmap", "numpy.frombuffer", "numpy.dtype.__class__", "numpy.Numpy"),
        *("numpy.core.multiarray.fromfile", "numpy.ctypeslib.load_library", "pyarrow.lib.memory_map", "_codecs.lookup"),
        *(
            "builtins.getattr",
            "builtins.object.__subclasses__",
            "builtins.open",
            "builtins.type",
            "builtins.list",
            "__builtin__.eval",
        ),
        *(
            "copyreg.__newobj__",
            "copyreg._extension_registry",
            "pickle.loads",
            "marshal.loads",
            "ctypes.CDLL",
            "pty.spawn",
        ),
        *(
            "decimal.Decimal",
            "datetime.datetime",
            ".",
            "pandas.",
            ".DataFrame",
            "pandas.DataFrame ",
            "Pandas.DataFrame",
        ),
    ],
)
def test_names_that_are_not_known(tmp_path: Path, asked: str) -> None:
    for split in range(asked.count(".")):
        parts = asked.split(".")
        module, attribute = ".".join(parts[: split + 1]), ".".join(parts[split + 1 :])
        if (module, attribute) in KNOWN:
            continue
        for program in (name(module, attribute), f"c{module}\n{attribute}\n".encode()):
            with pytest.raises(RefusedError, match="the pickle asks for"):
                frame(put(tmp_path, b"\x80\x04" + program + b"."))


def test_a_class_is_not_changed(tmp_path: Path) -> None:
    program = b"\x80\x04" + name("pandas", "BooleanDtype") + b"N}" + text("canary_of_messjax") + b"K\x01s\x86b."
    with pytest.raises(ValueError, match="a state of what has none"):
        frame(put(tmp_path, program))
    assert not hasattr(pd.BooleanDtype, "canary_of_messjax")
    pickle.loads(program)
    assert hasattr(pd.BooleanDtype, "canary_of_messjax")  # what the standard library would have done
    del pd.BooleanDtype.canary_of_messjax
