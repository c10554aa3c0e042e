"""The statements of docs/theory.md with every constant; `judge` tests them on a sweep, `decompose` takes it apart.

[M25] gives its theorems as orders. The constants here are re-derived, not quoted from it; the proofs are in
docs/theory.md, under the identifier that each function carries in its name. One module per family holds the bounds
(the functions below), the statements that use them (`Statement` objects in capitals, all of them in `ALL`), what these
assume and where their proofs are: `paths` (L1 to L5), `violation` (T1), `cost` (T2), `queue` (T3, T4), `duality` (T5),
`attraction` (T6), `exploration` (T7, T8), `sparse` (T9), `tightening` (T10), `identities` (I1 to I4, T1'', T2'', R'),
`decision_loss` (T1', T2', T3', T6'), `information` (T2' for partitions), `optimism` (T11), `moving_laws` (T12),
`markov_modulated` (T13). `exact`, `limits` and `finite_types`: what bounds are held against. `certificates`: what one
run shows where the distribution is unknown.

A bound takes one `BoundInputs`, numbers by keyword, or both, never numbers by position. It returns the bound (in T5 the
bounded quantity), not a verdict. All arguments broadcast as in NumPy, so that leave-one-out means can be passed where a
measured mean stands; NaN passes through. Host code, float64; returns float64 arrays, or scalars for scalars. A bound
whose hypotheses fail is infinite, or 1 for a probability. Notation, the same everywhere:

    V           weight of cost against satisfaction, in 1 / cost unit
    alpha       satisfaction asked for, in [0, 1]; delta = max(alpha, 1 - alpha); B = delta^2 / 2
    Q, Q_1      the virtual queue, Q_{t+1} = max(0, Q_t + alpha - s_t), and its start
    gamma       gamma*, a maximiser of the dual, in cost unit
    p_t, P_T    probability of exploring request t, and its sum over t <= T
    e_t         max_m |s_hat_m,t - mu_m(x_t)|
    beta        E[s under pi0] - alpha for a stationary policy pi0; beta_M the same for the largest model alone
    dE          E[E_pi0(x) - min_m E_m(x)]; E_all = E[sum_m E_m]
    B0, k0      what L2' has in place of B, and the centre of its squares
    S_T         sum_t E[(1 - p_t) Q_t e_t]
    D_T         sum_t (1 - p_t) E[Delta_t], the decision loss: how far the model that would be exploited is above the
                least V E_m + Q_t (alpha - mu_m); at most 2 S_T
    R_T         max(0, -beta_M) sum_t p_t E[Q_t], zero when the largest model meets alpha
    ebar        what E[e_t | past] does not exceed, at every t that can exploit
    f           probability that feedback on a request arrives
    kappa       how much more than alpha is asked for
"""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.theory import exact, optimum
    from messjax.theory.attraction import T6_above, T6_below, T6_gap, T6_level, T6_log_moment, T6_spread, T6_tail
    from messjax.theory.catalogue import ALL, OF_A_SWEEP, OF_TERMS, assumption_table, assumptions_of, statements_named
    from messjax.theory.certificates import OptimumLimit, clairvoyant_optimum, partition_optimum, path_satisfaction
    from messjax.theory.constants import BoundInputs, Constants, centred_drift, distribution_constants
    from messjax.theory.cost import CostTerms, T2_cost_terms
    from messjax.theory.decision_loss import T1_prime_queue, T2_prime_cost, T3_prime_queue, T6_prime_gap
    from messjax.theory.decomposition import decompose
    from messjax.theory.dual_shape import Pull
    from messjax.theory.duality import T5_adjusted_regret
    from messjax.theory.exploration import (
        T7_interval,
        T8_exponent,
        exploration_probability,
        exploration_sum,
        exploration_sum_bound,
    )
    from messjax.theory.finite_types import T6_decay_rate, T6_finite_types, T6_neighbours
    from messjax.theory.identities import (
        I1_terms,
        I2_terms,
        I3_terms,
        I4_terms,
        R_prime_regret,
        T1_double_prime_queue,
        T2_double_prime_cost,
    )
    from messjax.theory.information import bins_of, cells_of, partition_cost, partition_statement, partitions
    from messjax.theory.laws import Laws, markov_laws, scheduled_laws
    from messjax.theory.limits import (
        LowerBound,
        T5_cost_floor,
        heuristic_smooth_gap,
        heuristic_smooth_spread,
        lower_bound,
        lower_bound_worlds,
    )
    from messjax.theory.markov_modulated import T13_constants, T13_cost, T13_queue, long_run_variance
    from messjax.theory.moving_laws import T12_constants, T12_cost, T12_queue
    from messjax.theory.optimism import T11_cost, T11_decision_loss, T11_log_factor, T11_queue, T11_scale
    from messjax.theory.paths import DriftBounds, L1_violation, L2_drift, L3_increment, L4_score, L5_bound
    from messjax.theory.queue import T3_queue, T4_constants, T4_log_moment, T4_queue, T4_tail, TailConstants
    from messjax.theory.setting import Setting
    from messjax.theory.sparse import (
        T9_delayed_B,
        T9_forced,
        T9_path_tail,
        T9_queue,
        T9_queue_sharp,
        T9_tail,
        T9_violation,
        T9_violation_sharp,
    )
    from messjax.theory.tightening import T10_cost, T10_kappa, T10_kappa_tail
    from messjax.theory.verdicts import judge
    from messjax.theory.violation import T1_queue, T1_queue_older, T1_queue_slater, T1_violation, T1_violation_older

__all__ = [
    "ALL",
    "OF_A_SWEEP",
    "OF_TERMS",
    "BoundInputs",
    "Constants",
    "CostTerms",
    "DriftBounds",
    "I1_terms",
    "I2_terms",
    "I3_terms",
    "I4_terms",
    "L1_violation",
    "L2_drift",
    "L3_increment",
    "L4_score",
    "L5_bound",
    "Laws",
    "LowerBound",
    "OptimumLimit",
    "Pull",
    "R_prime_regret",
    "Setting",
    "T1_double_prime_queue",
    "T1_prime_queue",
    "T1_queue",
    "T1_queue_older",
    "T1_queue_slater",
    "T1_violation",
    "T1_violation_older",
    "T2_cost_terms",
    "T2_double_prime_cost",
    "T2_prime_cost",
    "T3_prime_queue",
    "T3_queue",
    "T4_constants",
    "T4_log_moment",
    "T4_queue",
    "T4_tail",
    "T5_adjusted_regret",
    "T5_cost_floor",
    "T6_above",
    "T6_below",
    "T6_decay_rate",
    "T6_finite_types",
    "T6_gap",
    "T6_level",
    "T6_log_moment",
    "T6_neighbours",
    "T6_prime_gap",
    "T6_spread",
    "T6_tail",
    "T7_interval",
    "T8_exponent",
    "T9_delayed_B",
    "T9_forced",
    "T9_path_tail",
    "T9_queue",
    "T9_queue_sharp",
    "T9_tail",
    "T9_violation",
    "T9_violation_sharp",
    "T10_cost",
    "T10_kappa",
    "T10_kappa_tail",
    "T11_cost",
    "T11_decision_loss",
    "T11_log_factor",
    "T11_queue",
    "T11_scale",
    "T12_constants",
    "T12_cost",
    "T12_queue",
    "T13_constants",
    "T13_cost",
    "T13_queue",
    "TailConstants",
    "assumption_table",
    "assumptions_of",
    "bins_of",
    "cells_of",
    "centred_drift",
    "clairvoyant_optimum",
    "decompose",
    "distribution_constants",
    "exact",
    "exploration_probability",
    "exploration_sum",
    "exploration_sum_bound",
    "heuristic_smooth_gap",
    "heuristic_smooth_spread",
    "judge",
    "long_run_variance",
    "lower_bound",
    "lower_bound_worlds",
    "markov_laws",
    "optimum",
    "partition_cost",
    "partition_optimum",
    "partition_statement",
    "partitions",
    "path_satisfaction",
    "scheduled_laws",
    "statements_named",
]

__getattr__, __dir__ = lazy_imports.attach(__name__)
