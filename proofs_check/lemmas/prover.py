"""State an inequality between reals, prove it with z3, and refute every wrong version of it.

A lemma is proved when z3 finds that no reals satisfy its hypotheses and break its claim. Three things make such a proof
sound. Its hypotheses must hold somewhere, or they would prove anything ("vacuous" otherwise). Every lemma brings
wrong versions of itself, one hypothesis dropped or one constant changed, and each must be refuted. And a point that
refutes, like the one that shows the hypotheses to be possible, is worked out again in fractions, outside z3.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal, NamedTuple

import z3

Point = dict[str, Fraction]
TIMEOUT = 10.0  # seconds for one question; all lemmas together take about one


class Wrong(NamedTuple):
    """A version of a lemma that must fail: hypotheses dropped, others put in their place, or another claim."""

    name: str
    drop: tuple[z3.BoolRef, ...] = ()
    instead: tuple[z3.BoolRef, ...] = ()
    claim: z3.BoolRef | None = None  # the lemma's own if None


class Lemma(NamedTuple):
    """The claim that for all reals the hypotheses imply `claim`.

    `setting` is what else is true in the paper, costs that are not negative or scores in [0, 1]. The proof does not use
    it; counterexamples to the wrong versions respect it, so that they are cases that could occur.
    """

    name: str
    source: str  # its place in docs/theory.md
    hypotheses: list[z3.BoolRef]
    claim: z3.BoolRef
    wrong: tuple[Wrong, ...]
    setting: tuple[z3.BoolRef, ...] = ()
    M: int | None = None  # number of models, where it matters


class Proof(NamedTuple):
    """What became of a lemma. Only "proved" counts."""

    status: Literal["proved", "refuted", "vacuous", "unknown"]
    seconds: float
    counterexample: Point | None = None  # exact; all hypotheses hold in it and the claim does not
    reason: str = ""  # which question stayed open, if one did


def without(*hypotheses: z3.BoolRef) -> Wrong:
    """The lemma without these hypotheses, which must be written as the lemma writes them."""
    return Wrong(f"without {', '.join(str(h).replace(chr(10), ' ') for h in hypotheses)}", drop=hypotheses)


def version(lemma: Lemma, wrong: Wrong) -> Lemma:
    """`lemma` made wrong. Raises ValueError if it has no such hypothesis, or if nothing would change."""
    for dropped in wrong.drop:
        if not any(dropped.eq(own) for own in lemma.hypotheses):
            raise ValueError(f"{lemma.name}: {wrong.name!r} drops {dropped}, which is none of {lemma.hypotheses}.")
    if not wrong.drop and not wrong.instead and wrong.claim is None:
        raise ValueError(f"{lemma.name}: {wrong.name!r} changes nothing.")
    kept = [own for own in lemma.hypotheses if not any(own.eq(dropped) for dropped in wrong.drop)]
    claim = lemma.claim if wrong.claim is None else wrong.claim
    hypotheses = [*kept, *wrong.instead, *lemma.setting]
    return Lemma(f"{lemma.name}, {wrong.name}", lemma.source, hypotheses, claim, wrong=(), M=lemma.M)


def prove(lemma: Lemma, timeout_s: float = TIMEOUT) -> Proof:
    """Ask whether the hypotheses hold anywhere in the setting, then whether they can hold and the claim fail.

    timeout_s: seconds for each of the two questions. Running out of time, or a counterexample with an irrational
    coordinate (which fractions cannot check), is "unknown". Raises AssertionError if fractions contradict z3.
    """
    start = time.perf_counter()

    def ended(status: Any, counterexample: Point | None = None, reason: str = "") -> Proof:
        return Proof(status, time.perf_counter() - start, counterexample, reason)

    occurs = [*lemma.hypotheses, *lemma.setting]
    possible, reason = point(occurs, timeout_s)
    if possible is None:
        return ended("vacuous" if reason == "none exists" else "unknown", reason=f"hypotheses: {reason}")
    _confirm(lemma.name, possible, occurs)
    broken = [*lemma.hypotheses, z3.Not(lemma.claim)]
    against, reason = point(broken, timeout_s)
    if against is not None:
        _confirm(lemma.name, against, broken)
        return ended("refuted", against)
    return ended("proved") if reason == "none exists" else ended("unknown", reason=f"claim: {reason}")


def point(conditions: Sequence[z3.BoolRef], timeout_s: float) -> tuple[Point | None, str]:
    """Rational numbers that satisfy all conditions, or None and why: "none exists" is z3's proof that none do."""
    solver = z3.Solver()
    solver.set(timeout=int(1000 * timeout_s), random_seed=0)
    solver.add(*conditions)
    answer = solver.check()
    if answer == z3.unsat:
        return None, "none exists"
    if answer == z3.unknown:
        return None, solver.reason_unknown()
    model = solver.model()
    values = {str(x): model.eval(x, model_completion=True) for x in variables(conditions)}
    irrational = [f"{name} = {value}" for name, value in values.items() if not z3.is_rational_value(value)]
    if irrational:
        return None, f"only an irrational point was found, {irrational[0]}"
    return {name: values[name].as_fraction() for name in sorted(values)}, ""


def variables(expressions: Sequence[z3.ExprRef]) -> list[z3.ExprRef]:
    """The real variables that occur, each once."""
    result: dict[str, z3.ExprRef] = {}
    todo = list(expressions)
    while todo:
        node = todo.pop()
        if node.num_args():
            todo.extend(node.children())
        elif node.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            result[str(node)] = node
    return list(result.values())


def _sum(*terms: Fraction) -> Fraction:
    return sum(terms, Fraction(0))


def _product(*factors: Fraction) -> Fraction:
    result = Fraction(1)
    for factor in factors:
        result *= factor
    return result


OPERATIONS: dict[int, Callable[..., Any]] = {
    z3.Z3_OP_ADD: _sum,
    z3.Z3_OP_SUB: lambda first, *others: first - _sum(*others),
    z3.Z3_OP_POWER: operator.pow,
    z3.Z3_OP_UMINUS: operator.neg,
    z3.Z3_OP_MUL: _product,
    z3.Z3_OP_DIV: operator.truediv,
    z3.Z3_OP_LE: operator.le,
    z3.Z3_OP_GE: operator.ge,
    z3.Z3_OP_LT: operator.lt,
    z3.Z3_OP_GT: operator.gt,
    z3.Z3_OP_EQ: operator.eq,
    z3.Z3_OP_NOT: operator.not_,
    z3.Z3_OP_AND: lambda *facts: all(facts),
    z3.Z3_OP_OR: lambda *facts: any(facts),
    z3.Z3_OP_IMPLIES: lambda fact, then: then or not fact,
}


def exact(expression: z3.ExprRef, at: Mapping[str, Fraction]) -> Any:
    """The value of an expression (Fraction) or a condition (bool) in fractions; z3 only gives its structure.

    Raises ZeroDivisionError where a denominator vanishes (z3 lets x / 0 be anything, a lemma must not) and ValueError
    for an operation that no lemma uses.
    """
    if z3.is_rational_value(expression):
        return expression.as_fraction()
    kind = expression.decl().kind()
    if kind == z3.Z3_OP_UNINTERPRETED:
        return at[str(expression)]
    if kind == z3.Z3_OP_ITE:  # only the branch taken: the other may divide by zero
        condition, then, other = expression.children()
        return exact(then if exact(condition, at) else other, at)
    if kind in (z3.Z3_OP_TRUE, z3.Z3_OP_FALSE):
        return kind == z3.Z3_OP_TRUE
    if kind not in OPERATIONS:
        raise ValueError(f"{expression} uses {expression.decl()}, expected arithmetic, comparisons, And, Or, Not, If.")
    return OPERATIONS[kind](*(exact(child, at) for child in expression.children()))


def _confirm(name: str, at: Point, conditions: Sequence[z3.BoolRef]) -> None:
    false = [condition for condition in conditions if not exact(condition, at)]
    if false:
        raise AssertionError(f"{name}: z3 finds that {false[0]} holds at {show(at)}; in fractions it does not.")


def show(at: Mapping[str, Fraction]) -> str:
    """A point as one line: alpha = 1/2, s = 1, others 0."""
    label = [f"{name} = {value}" for name, value in at.items() if value != 0]
    return ", ".join([*label, *(["others 0"] if len(label) < len(at) else [])])
