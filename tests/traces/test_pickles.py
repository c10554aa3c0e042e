"""Pickles are data: DataFrames of all pandas versions are read, and what asks for anything else is named, not run."""

from __future__ import annotations

import contextlib
import copyreg
import os
import pickle
import pickletools
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.trace_samples import old_pandas

from messjax.traces import pickles, read
from messjax.traces.frames import frame
from messjax.traces.pickle_names import KNOWN, RefusedError


def put(folder: Path, data: bytes) -> Path:
    path = folder / "f.pkl"
    path.write_bytes(data)
    return path


def columns(path: Path) -> dict[str, list[Any]]:
    """All columns, None for NaN."""
    read = frame(path)
    return {
        name: [None if isinstance(cell, float) and cell != cell else cell for cell in read.cells(name)]
        for name in read.columns
    }


# DataFrames


@pytest.mark.parametrize("name", old_pandas.PICKLES)
def test_older_pandas(tmp_path: Path, name: str) -> None:
    assert columns(put(tmp_path, old_pandas.PICKLES[name])) == old_pandas.COLUMNS


def tables() -> dict[str, pd.DataFrame]:
    plain = pd.DataFrame({**old_pandas.COLUMNS, "f": np.float32([1.5, 2, 3]), "o": [True, np.float64(3), None]})
    objects = np.array([["a", 1], ["c", "d"], ["e", None]], dtype=object)
    return {
        "plain": plain,
        "objects": plain.astype({"prompt": object, "sample_id": object}),
        "categories": plain.astype({"eval_name": "category", "sample_id": "category"}),
        "extension types": plain.astype({"n": "boolean", "n|total_cost": "Int64", "m": "Float64", "prompt": "string"}),
        "every second row": plain.iloc[::2],
        "rows in another order": plain.sort_values("prompt", ascending=False),
        "a named index": plain.set_index("sample_id"),
        "columns in another order": plain[["o", "m", "prompt", "n"]],
        "rows twice": pd.concat([plain, plain]),
        "objects by row": pd.DataFrame(objects, columns=["u", "v"]),
        "objects by column": pd.DataFrame(np.asfortranarray(objects), columns=["u", "v"]),
        "numbers by row": pd.DataFrame(np.arange(6.0).reshape(3, 2), columns=["u", "v"]),
        "numbers by column": pd.DataFrame(
            np.asfortranarray(np.arange(6, dtype=">i4").reshape(3, 2)), columns=["u", "v"]
        ),
        "no rows": plain.iloc[:0],
    }


@pytest.mark.parametrize("name", tables())
@pytest.mark.parametrize("protocol", range(6))
def test_this_pandas(tmp_path: Path, name: str, protocol: int) -> None:
    table = tables()[name]
    path = put(tmp_path, pickle.dumps(table, protocol))
    if isinstance(table.index, pd.RangeIndex) or table.index.name:
        table = table.reset_index(drop=not table.index.name)
    expected = {name: [None if pd.isna(cell) else cell for cell in table[name].tolist()] for name in table.columns}
    result = columns(path)
    assert {name: result[name] for name in expected} == expected
    assert frame(path).rows == len(table)


def test_to_pickle_of_a_written_file(tmp_path: Path) -> None:
    pd.DataFrame({"a": ["x"], "b": [1.5]}).to_pickle(tmp_path / "g.pkl")
    assert columns(tmp_path / "g.pkl") == {"a": ["x"], "b": [1.5]}


def test_every_instruction_is_known() -> None:
    for operation in pickletools.opcodes:
        machine = pickles._Machine()
        known = operation.name in {*pickles._CONSTANTS, *pickles._FIXED, *pickles._REFUSED, "MEMOIZE"}
        assert known or hasattr(machine, f"do_{operation.name.lower()}"), operation.name


def test_no_name_that_is_known_has_a_dot_or_can_run() -> None:
    for _, name in KNOWN:
        assert "." not in name
        assert name not in {"eval", "exec", "getattr", "__import__", "system", "read_pickle", "load", "partial", "open"}


# Attacks


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def text(value: object) -> bytes:
    """The instruction that pushes a text."""
    raw = str(value).encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def name(module: str, attribute: str) -> bytes:
    return text(module) + text(attribute) + b"\x93"


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + b"(" + b"".join(arguments) + b"tR"


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


# Bombs


def block_frame(values: bytes, rows: bytes = b"K\x02", columns: int = 1) -> bytes:
    """A DataFrame of `columns` columns whose blocks all are `values`, memoised."""
    labels = b"(" + b"".join(text(f"c{n}") for n in range(columns)) + b"l"
    kind = (
        call(name("numpy", "dtype"), text("O8"), b"\x89", b"\x88")
        + b"(K\x03"
        + text("|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
    )
    shape = b"J" + struct.pack("<i", columns) + b"\x85"
    data = call(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b"K\0\x85", b"C\x01b")
    data += b"(K\x01" + shape + kind + b"\x89" + labels + b"tb"
    index = name("pandas.core.indexes.base", "_new_Index")
    names = call(index, name("pandas", "Index"), b"}(" + text("data") + data + b"u")
    ends = text("start") + b"K\0" + text("stop") + rows + text("step") + b"K\x01"
    counts = call(index, name("pandas", "RangeIndex"), b"}(" + ends + b"u")
    blocks = b""
    for n in range(columns):
        where = call(name("builtins", "slice"), *(b"J" + struct.pack("<i", end) for end in (n, n + 1, 1)))
        blocks += call(
            name("pandas._libs.internals", "_unpickle_block"), b"h\x01" if n else values + b"q\x01", where, b"K\x02"
        )
    manager = call(
        name("pandas.core.internals.managers", "BlockManager"), b"(" + blocks + b"t", b"](" + names + counts + b"e"
    )
    return b"\x80\x04" + name("pandas", "DataFrame") + b")\x81}" + text("_mgr") + manager + b"sb."


def numbers(code: str, shape: bytes, data: bytes) -> bytes:
    kind = (
        call(name("numpy", "dtype"), text(code), b"\x89", b"\x88")
        + b"(K\x03"
        + text("<")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
    )
    return call(name("numpy.core.numeric", "_frombuffer"), data, kind, shape, text("C"))


HUGE = b"\x8a\x06\0\0\0\0\0\x10"  # 2^44
SELF = name("pandas.arrays", "BooleanArray") + b")\x81q\x09}" + text("_data") + b"h\x09sb"  # an array in itself
TINY = b"C\x02\x01\x02"


def test_a_frame_made_by_hand_is_read(tmp_path: Path) -> None:
    assert columns(put(tmp_path, block_frame(numbers("i1", b"K\x02\x85", TINY)))) == {"c0": [1, 2]}


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (block_frame(numbers("f8", b"K\x01" + HUGE + b"\x86", TINY), HUGE), "rows x 1 columns in a file of"),
        (block_frame(numbers("f8", b"K\x01" + HUGE + b"\x86", TINY)), "found an array of 2 bytes for the shape"),
        (block_frame(numbers("i1", HUGE + HUGE + b"\x86", TINY)), "found an array of 2 bytes for the shape"),
        (block_frame(numbers("V8", b"K\x02\x85", TINY)), "of a type that is neither numbers nor objects"),
        (block_frame(numbers("O8", b"K\x02\x85", TINY)), "found an array of objects of another shape"),
        (block_frame(numbers("i1", b"K\x02\x85", call(name("builtins", "bytearray"), HUGE))), "found no bytes"),
        (b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.", "broken pickle at byte"),
        (b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.", "found NoneType where DataFrame should be"),
        (b"\x80\x04Nr\xff\xff\xff\x7f.", "found NoneType where DataFrame should be"),  # a memo of 2^31 places
        (b"\x80\x04N" + b"\x85" * 100_000 + b"}h\0s.", "broken pickle"),
        (b"\x80\x04}N" + b"\x85" * 300_000 + b"Ns.", "a key that is no text"),  # hashing it would end the process
        (block_frame(SELF), "maximum recursion depth"),
        (b"\x80\x04]" + b"]a" * 100 + b".", "values are left|found list"),
        (b"(lp0\ng0\na.", "found list where DataFrame should be"),  # a list in itself
        (b"\x80\x04N" + b"2\x86" * 200 + b".", "found tuple where DataFrame should be"),  # 2^200 leaves
        (b"L" + b"9" * 100_000 + b"L\n.", "broken pickle"),
        (b"\x80\x04NN.", "values are left on the stack"),
        (b"\x80\x04N.N", "found 1 bytes after the end"),
        (b"\x80\x06N.", "protocol 6"),
        (b"", "is empty"),
        (b"no pickle", "broken pickle|asks for"),
    ],
)
def test_bombs_end_quickly(tmp_path: Path, program: bytes, message: str) -> None:
    path, start = put(tmp_path, program), time.process_time()
    with pytest.raises(ValueError, match=message) as caught:
        frame(path)
    assert str(path) in str(caught.value) and len(str(caught.value)) < 500 + len(str(path))
    assert time.process_time() - start < 5.0


def test_one_array_in_many_columns_is_too_large_for_its_file(tmp_path: Path) -> None:
    many = 2_000
    values = numbers(
        "i1", b"K\x01J" + struct.pack("<i", 1_000_000) + b"\x86", b"B" + struct.pack("<I", 10**6) + b"\1" * 10**6
    )
    path = put(tmp_path, block_frame(values, b"J" + struct.pack("<i", 1_000_000), many))
    with pytest.raises(ValueError, match=r"found 1000000 rows x 2000 columns in a file of 1\d+ bytes"):
        frame(path)


def test_cells_that_are_no_numbers_are_named_shortly(tmp_path: Path) -> None:
    deep: Any = None
    for _ in range(90):
        deep = (deep, deep)
    table = pd.DataFrame({"sample_id": ["a"], "prompt": ["p"], "m": [deep], "m|total_cost": [0.1]})
    table.to_pickle(tmp_path / "f.pkl")
    with pytest.raises(ValueError, match="row 1, column 'm': found <tuple>, expected a number or True, False"):
        read(tmp_path / "f.pkl")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # odd escapes in texts of protocol 0
def test_damaged_pickles_are_read_or_refused_by_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    sources = [*old_pandas.PICKLES.values(), pickle.dumps(tables()["plain"], 4), pickle.dumps(tables()["objects"], 0)]
    was_read = refused = 0
    for n in range(800):
        data = bytearray(sources[n % len(sources)])
        for _ in range(rng.integers(1, 4)):
            start = int(rng.integers(len(data)))
            kind = rng.integers(4)
            if kind == 0:
                del data[start : start + int(rng.integers(1, 9))]
            elif kind == 1:
                data[start:start] = rng.bytes(int(rng.integers(1, 9)))
            elif kind == 2:
                data[start] = int(rng.integers(256))
            else:
                other = int(rng.integers(len(data)))
                data[start : start + 6] = data[other : other + 6]
        path = put(tmp_path, bytes(data))
        try:
            columns(path)
            was_read += 1
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
    assert was_read > 5 and refused > 500
