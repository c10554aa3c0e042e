"""The long-run variance from paths against its exact value on small chains."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from messjax import streams, theory
from messjax.statistics.long_run import long_run_variance
from messjax.theory import markov_modulated
from messjax.types import Distribution
from proofs_check.trials import long_run

PARTS = [Distribution(np.ones(1), np.array([[0.0, 1.0]]), np.array([mean])) for mean in ([0.9, 0.95], [0.2, 0.8])]


@pytest.mark.parametrize("stay", [0.5, 0.9, 0.1])
def test_paths_of_a_hidden_chain_have_the_exact_variance(stay):
    """Two states, served at gamma*: independent, slow and alternating."""
    rng, T, n, alpha = np.random.default_rng(1), 4_000, 200, 0.7
    laws = theory.markov_laws(PARTS, [[stay, 1 - stay], [1 - stay, stay]])
    moved = rng.random((n, T)) > stay
    state = (np.cumsum(moved, axis=1) + rng.integers(0, 2, (n, 1))) % 2
    mean = markov_modulated.served_at_price(laws, alpha).satisfaction
    assert mean.mean() == pytest.approx(alpha)
    s = rng.random((n, T)) < mean[state]
    known, found = theory.long_run_variance(laws, alpha), long_run_variance(s, mean=alpha, level=0.999)
    assert found.lower <= known <= found.upper and found.upper - found.lower < 0.15 * known
    assert long_run_variance(s).mean == pytest.approx(known, rel=0.1)
    plain = float(np.var(s))
    assert (abs(plain - known) > 0.1 * known) == (stay != 0.5)  # what ignores dependence is wrong


def test_a_stream_of_the_library_has_it_too():
    laws = theory.markov_laws(PARTS, [[0.9, 0.1], [0.1, 0.9]])
    stream = streams.modulated([streams.types(part) for part in PARTS], laws.transition, shown=True)
    served = long_run.served_satisfaction(stream, laws, 0.7, jax.random.key(2), 64, 2_000)
    found = long_run_variance(served, mean=0.7, batch=200, level=0.999)
    assert found.lower <= theory.long_run_variance(laws, 0.7) <= found.upper


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="batch is 5, expected 1 to T - 1 = 4"):
        long_run_variance(np.zeros((3, 5)), batch=5)
    with pytest.raises(ValueError, match="expected"):
        long_run_variance(np.zeros((1, 5)))
