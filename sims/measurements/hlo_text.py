"""What each kernel of an optimised HLO program does: operations, numbers under exp or log, bytes, and whose code it is.

The text is that of `compiled.as_text()`. Every instruction of a computation that no fusion swallows is a kernel, except
those that only name or arrange others. Operations inside a fusion count once each, over their own shape: what XLA
computes again for a second reader is not seen, so that the numbers are lower bounds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

BYTES = {"pred": 1, "s8": 1, "u8": 1, "s16": 2, "u16": 2, "f16": 2, "bf16": 2, "s32": 4, "u32": 4, "f32": 4,
         "s64": 8, "u64": 8, "f64": 8, "c64": 8, "c128": 16, "token": 0}  # fmt: skip
NO_KERNEL = {"parameter", "constant", "tuple", "get-tuple-element", "bitcast", "while", "conditional", "call",
             "after-all"}  # fmt: skip
MOVES = NO_KERNEL | {"fusion", "copy", "broadcast", "reshape", "transpose", "slice", "dynamic-slice", "concatenate",
                     "dynamic-update-slice", "gather", "pad", "iota", "reverse", "convert", "bitcast-convert",
                     "complex", "real", "imag"}  # fmt: skip
TRANSCENDENTAL = {"exponential", "exponential-minus-one", "log", "log-plus-one", "logistic", "tanh", "sine", "cosine",
                  "power"}  # fmt: skip
PARTS_OF = {"slice", "dynamic-slice", "gather"}  # read what they put out, not their whole operand

_HEADER = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\{\s*$")
_LINE = re.compile(r"^\s+(ROOT )?%?([\w.\-]+) = (.*)$")
_ARRAY = re.compile(r"\b([a-z]+[0-9]*)\[([0-9,]*)\]")
_NAME = re.compile(r"%([\w.\-]+)")
_CALLED = re.compile(r"\b(?:calls|to_apply|body|condition)=%?([\w.\-]+)")
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")


class Instruction(NamedTuple):
    """One line of a computation."""

    name: str
    opcode: str
    shape: str  # as it is written
    operands: tuple[str, ...]
    rest: str  # what follows the operands
    frame: int  # of the stack that made it; 0: unknown
    root: bool

    @property
    def size(self) -> int:
        """Numbers that come out."""
        return sum(math.prod(each) for _, each in arrays(self.shape))

    @property
    def bytes(self) -> int:
        """Bytes that come out."""
        return sum(BYTES[kind] * math.prod(each) for kind, each in arrays(self.shape))

    @property
    def called(self) -> list[str]:
        """Computations that it names."""
        branches = _BRANCHES.search(self.rest)
        return _CALLED.findall(self.rest) + (_NAME.findall(branches[1]) if branches else [])


class Kernel(NamedTuple):
    """What one execution of a kernel does."""

    name: str
    kind: str  # its opcode
    computation: str
    stack: tuple[str, ...]  # functions that wrote it, innermost first, as "file.py:Class.function"
    bytes: int  # read and written
    work: dict[tuple[str, ...], tuple[float, float]]  # stack -> operations, numbers under exp or log


def arrays(shape: str) -> list[tuple[str, list[int]]]:
    """Types and dimensions of a shape, one for each member of a tuple.

    Raises:
        ValueError: A type that is not known.
    """
    found = [(kind, [int(n) for n in sizes.split(",") if n]) for kind, sizes in _ARRAY.findall(shape)]
    if unknown := [kind for kind, _ in found if kind not in BYTES]:
        raise ValueError(f"HLO: found the type {unknown[0]!r}, expected one of {', '.join(BYTES)}")
    return found


class Program:
    """A program in optimised HLO.

    Args:
        text: Of the whole module.

    Raises:
        ValueError: The text has no computation.
    """

    def __init__(self, text: str) -> None:
        self.computations: dict[str, dict[str, Instruction]] = {}
        current: dict[str, Instruction] | None = None
        for line in text.splitlines():
            if header := _HEADER.match(line):
                current = self.computations.setdefault(header[2], {})
            elif current is not None and (found := _LINE.match(line)):
                one = _instruction(found)
                current[one.name] = one
        if not self.computations:
            raise ValueError("HLO: found no computation, expected the text of a compiled program")
        self._functions = _Stacks(text)
        self._swallowed = {
            name for one in self._all() if one.opcode not in ("while", "conditional", "call") for name in one.called
        }
        self._owners = {name: one for one in self._all() for name in one.called}

    def _all(self) -> Iterator[Instruction]:
        for computation in self.computations.values():
            yield from computation.values()

    def kernels(self) -> list[Kernel]:
        """All kernels, in the order of the text."""
        result = []
        for name, computation in self.computations.items():
            if name in self._swallowed:
                continue
            for one in computation.values():
                if one.opcode not in NO_KERNEL:
                    stack = self._stack(one, name)
                    work = self._work(one, computation, stack)
                    result.append(Kernel(one.name, one.opcode, name, stack, self._bytes(one, computation), work))
        return result

    def _stack(self, one: Instruction, computation: str) -> tuple[str, ...]:
        """Its own, or that of the loop or branch it stands in: copies that XLA adds have none."""
        owner = self._owners.get(computation)
        return self._functions(one.frame) or (self._functions(owner.frame) if owner else ())

    def _work(
        self, one: Instruction, inside: dict[str, Instruction], otherwise: tuple[str, ...]
    ) -> dict[tuple[str, ...], tuple[float, float]]:
        total: dict[tuple[str, ...], tuple[float, float]] = {}
        if one.opcode == "fusion":
            body = self.computations[one.called[0]]
            pieces = [self._work(each, body, otherwise) for each in body.values()]
        else:
            operations = _operations(one, inside)
            transcendental = float(one.size) if one.opcode in TRANSCENDENTAL else 0.0
            pieces = [{self._functions(one.frame) or otherwise: (operations, transcendental)}]
        for piece in pieces:
            for stack, (operations, transcendental) in piece.items():
                before = total.get(stack, (0.0, 0.0))
                total[stack] = before[0] + operations, before[1] + transcendental
        return {stack: pair for stack, pair in total.items() if any(pair)}

    def _bytes(self, one: Instruction, inside: dict[str, Instruction]) -> int:
        sizes = [inside[name].bytes for name in one.operands]
        if one.opcode == "dynamic-update-slice":  # in place: the update is read and written
            return 2 * sizes[1]
        if one.opcode in PARTS_OF:
            return 2 * one.bytes
        if one.opcode != "fusion":
            return one.bytes + sum(sizes)
        body = self.computations[one.called[0]]
        parameters = {int(each.rest): each for each in body.values() if each.opcode == "parameter"}
        read = sum(_read(parameters[i], body) for i in range(len(sizes)))
        root = next(each for each in body.values() if each.root)
        while root.opcode == "bitcast":
            root = body[root.operands[0]]
        written = body[root.operands[1]].bytes if root.opcode == "dynamic-update-slice" else one.bytes
        return read + written


def _instruction(found: re.Match[str]) -> Instruction:
    shape, rest = _split_shape(re.sub(r"/\*.*?\*/", "", found[3]))
    opcode, _, rest = rest.partition("(")
    end, depth = 0, 1
    while depth and end < len(rest):
        depth += (rest[end] == "(") - (rest[end] == ")")
        end += 1
    end -= 1
    inside, after = rest[:end], rest[end + 1 :]
    frame = re.search(r"stack_frame_id=(\d+)", after)
    kept = inside if opcode == "parameter" else after
    return Instruction(
        found[2], opcode.strip(), shape, tuple(_NAME.findall(inside)), kept, int(frame[1]) if frame else 0,
        bool(found[1]),
    )  # fmt: skip


def _split_shape(text: str) -> tuple[str, str]:
    """A shape, which may be a tuple with spaces, and what follows it."""
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter in "({") - (letter in ")}")
        if letter == " " and not depth:
            return text[:i], text[i + 1 :]
    raise ValueError(f"HLO: found {text[:60]!r}, expected a shape and an operation")


def _read(parameter: Instruction, body: dict[str, Instruction]) -> int:
    """Bytes of a fusion's operand that it reads: only parts, where every reader takes parts."""
    total, names = 0, [parameter.name]
    while names:
        name = names.pop()
        for each in body.values():
            if name not in each.operands:
                continue
            if each.opcode == "bitcast":
                names.append(each.name)
            elif each.opcode in PARTS_OF and each.operands[0] == name:
                total += each.bytes
            elif each.opcode != "dynamic-update-slice" or each.operands[0] != name:
                return parameter.bytes
    return min(total, parameter.bytes)


def _operations(one: Instruction, inside: dict[str, Instruction]) -> float:
    """Results, products and sums of a product of matrices, elements of a reduction, comparisons of a sort."""
    if one.opcode == "dot":
        left = arrays(inside[one.operands[0]].shape)[0][1]
        contracted = re.search(r"lhs_contracting_dims=\{([\d,]*)\}", one.rest)
        assert contracted is not None, one.name
        return 2.0 * one.size * math.prod(left[int(axis)] for axis in contracted[1].split(",") if axis)
    if one.opcode in ("reduce", "sort"):
        size = inside[one.operands[0]].size
        lengths = arrays(inside[one.operands[0]].shape)[0][1]
        return float(size) * (math.log2(max(2, max(lengths, default=1))) if one.opcode == "sort" else 1.0)
    if one.opcode == "reduce-window":
        window = re.search(r"window=\{size=([\dx]+)", one.rest)
        return float(one.size) * math.prod(int(n) for n in window[1].split("x")) if window else float(one.size)
    return 0.0 if one.opcode in MOVES else float(one.size)


class _Stacks:
    """Frame -> the functions of its stack, innermost first, by the tables at the head of the text."""

    def __init__(self, text: str) -> None:
        self.files, self.functions, self.locations, self.frames = (
            _table(text, name) for name in ("FileNames", "FunctionNames", "FileLocations", "StackFrames")
        )
        self.known: dict[int, tuple[str, ...]] = {0: ()}

    def __call__(self, frame: int) -> tuple[str, ...]:
        start, result = frame, list[str]()
        if start in self.known:
            return self.known[start]
        while frame in self.frames:  # a parent stands before its children
            fields = dict(re.findall(r"(\w+)=(\d+)", self.frames[frame]))
            location = dict(re.findall(r"(\w+)=(\d+)", self.locations[int(fields["file_location_id"])]))
            file = self.files[int(location["file_name_id"])].strip('"').rsplit("/", 1)[-1]
            function = self.functions[int(location["function_name_id"])].strip('"')
            result.append(f"{file}:{function}")
            frame = (
                min(frame, int(fields.get("parent_frame_id", "1"))) - 1
            )  # the text has one more than the table's number
        self.known[start] = tuple(result)
        return self.known[start]


def _table(text: str, name: str) -> dict[int, str]:
    found = re.search(rf"^{name}\n((?:\d+ .*\n)*)", text, re.MULTILINE)
    return {int(line.split(" ", 1)[0]): line.split(" ", 1)[1] for line in found[1].splitlines()} if found else {}
