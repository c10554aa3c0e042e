"""The finite algebra of docs/theory.md, proved for all reals by z3.

One file for one section of that page: L1, L2, L3 and L5; the three inequalities that T1 to T3 share (step_*); then what
each theorem's proof does with them. A proof by induction over requests is here as its induction step. Expectations
enter as numbers: that they are linear, and what is known of each, is the page's; what follows from it is proved here.
Not here, because no polynomials: the integral in P_T, T7's Hoeffding, and the limits, Markov and Jensen of T4 and T6.

    messjax-proofs lemmas                              prints the table
    messjax-proofs lemmas t2_prime "L2 drift, exact"   those of one file, and one by its name
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple

from messjax.arguments import did_you_mean
from proofs_check.lemmas import (
    l1_certificate,
    l1_reflection,
    l2_centred,
    l2_drift,
    l3_increment,
    l5_prediction_error,
    step_decision_loss,
    step_drift,
    step_identity,
    step_optimum,
    step_partition,
    step_slater,
    t1_prime,
    t1_quadratic,
    t1_second_form,
    t1_sharp,
    t2_cost,
    t2_prime,
    t3_prime,
    t3_slater,
    t4_tail,
    t5_weak_duality,
    t6_attraction,
    t6_prime,
    t8_exponent,
    t9_delay,
    t9_sparse,
    t10_tightening,
    t11_optimism,
    t12_moving,
    t13_markov,
)
from proofs_check.lemmas.prover import TIMEOUT, Lemma, Proof, Wrong, prove, show, version

FILES: dict[str, tuple[Lemma, ...]] = {
    "l1_certificate": l1_certificate.LEMMAS,
    "l1_reflection": l1_reflection.LEMMAS,
    "l2_drift": l2_drift.LEMMAS,
    "l3_increment": l3_increment.LEMMAS,
    "l5_prediction_error": l5_prediction_error.LEMMAS,
    "step_drift": step_drift.LEMMAS,
    "step_optimum": step_optimum.LEMMAS,
    "step_slater": step_slater.LEMMAS,
    "t1_quadratic": t1_quadratic.LEMMAS,
    "t1_second_form": t1_second_form.LEMMAS,
    "t1_sharp": t1_sharp.LEMMAS,
    "t2_cost": t2_cost.LEMMAS,
    "t3_slater": t3_slater.LEMMAS,
    "t4_tail": t4_tail.LEMMAS,
    "t5_weak_duality": t5_weak_duality.LEMMAS,
    "t6_attraction": t6_attraction.LEMMAS,
    "t8_exponent": t8_exponent.LEMMAS,
    "t9_sparse": t9_sparse.LEMMAS,
    "t9_delay": t9_delay.LEMMAS,
    "t10_tightening": t10_tightening.LEMMAS,
    "l2_centred": l2_centred.LEMMAS,
    "step_identity": step_identity.LEMMAS,
    "step_decision_loss": step_decision_loss.LEMMAS,
    "t1_prime": t1_prime.LEMMAS,
    "t2_prime": t2_prime.LEMMAS,
    "t3_prime": t3_prime.LEMMAS,
    "t6_prime": t6_prime.LEMMAS,
    "step_partition": step_partition.LEMMAS,
    "t11_optimism": t11_optimism.LEMMAS,
    "t12_moving": t12_moving.LEMMAS,
    "t13_markov": t13_markov.LEMMAS,
}  # as `Statement.lemmas` names them
ALL: tuple[Lemma, ...] = tuple(itertools.chain.from_iterable(FILES.values()))


class Refutation(NamedTuple):
    """What became of one wrong version: its counterexample as a line, or why there is none."""

    name: str
    refuted: bool
    counterexample: str


class Row(NamedTuple):
    """One line of the table."""

    lemma: str
    source: str
    M: int | None  # number of models, where it matters
    status: str  # of the lemma: "proved", or what stood in its way
    seconds: float  # for the lemma and its wrong versions
    wrong: tuple[Refutation, ...]

    @property
    def ok(self) -> bool:
        """Proved, and every wrong version refuted by a counterexample that fractions confirm."""
        return self.status == "proved" and bool(self.wrong) and all(one.refuted for one in self.wrong)


def prove_lemmas(names: Iterable[str] | None = None, timeout_s: float = TIMEOUT) -> list[Row]:
    """Prove lemmas (all, or those named, each once) and refute their wrong versions.

    timeout_s: seconds for one question to z3. Raises ValueError for a name that no lemma and no file has.
    """
    chosen = ALL if names is None else {one.name: one for name in names for one in named(name)}.values()
    return [row(lemma, timeout_s) for lemma in chosen]


def named(name: str) -> tuple[Lemma, ...]:
    """The lemma of this name, or all of the file of this name; ValueError if there is neither."""
    found = FILES.get(name.removesuffix(".py")) or tuple(lemma for lemma in ALL if lemma.name == name)
    if not found:
        near = did_you_mean(name, [*FILES, *(lemma.name for lemma in ALL)])
        raise ValueError(
            f"no lemma is named {name!r}{near}, expected a lemma's name as `messjax-proofs lemmas` prints it, or a "
            f"file of proofs_check/lemmas: {', '.join(FILES)}."
        )
    return found


def row(lemma: Lemma, timeout_s: float = TIMEOUT) -> Row:
    """The table's line of one lemma."""
    proof = prove(lemma, timeout_s)
    wrong = [(one.name, prove(version(lemma, one), timeout_s)) for one in lemma.wrong]
    return Row(
        lemma=lemma.name,
        source=lemma.source,
        M=lemma.M,
        status=proof.status,
        seconds=proof.seconds + sum(other.seconds for _, other in wrong),
        wrong=tuple(Refutation(name, other.status == "refuted", _formatted(other)) for name, other in wrong),
    )


def _formatted(proof: Proof) -> str:
    return proof.status if proof.counterexample is None else show(proof.counterexample)


__all__ = ["ALL", "Lemma", "Proof", "Refutation", "Row", "Wrong", "named", "prove", "prove_lemmas", "row", "version"]
