"""L1 to L4 and the reflection: what must hold at every request, counted by `messjax.meters.path_audit`."""

from __future__ import annotations

from messjax.theory.statement import Conclusion, Exact, NotApplicable, Run, statement


def _failures(run: Run, distribution: str) -> Conclusion:
    name = f"audit_{distribution}"
    if name not in run.metrics:
        return NotApplicable("the run was not audited")
    return Exact(measured=float(run.metrics[name].sum()), bound=0.0)


@statement("L1 path", source="L1 in docs/theory", assumptions="", unit="requests")
def L1(run: Run) -> Conclusion:
    """alpha - s_t <= Q_{t+1} - Q_t on every request that is heard of: requests where it fails."""
    return _failures(run, "L1")


@statement("L1 reflection", source="L1 in docs/theory", assumptions="", unit="requests")
def reflection(run: Run) -> Conclusion:
    """Q_{t+1} is the reflected walk, exactly: requests where it is not."""
    return _failures(run, "reflection")


@statement("L2 drift", source="L2 in docs/theory", assumptions="A2", unit="requests")
def L2(run: Run) -> Conclusion:
    """(Q_{t+1}^2 - Q_t^2)/2 <= (alpha - s_t)^2/2 + Q_t (alpha - s_t) and |alpha - s_t| <= delta: where not."""
    return _failures(run, "L2")


@statement("L3 increment", source="L3 in docs/theory", assumptions="A2", unit="requests")
def L3(run: Run) -> Conclusion:
    """-(1 - alpha) <= Q_{t+1} - Q_t <= alpha: requests where not."""
    return _failures(run, "L3")


@statement("L4 rule", source="L4 in docs/theory", assumptions="A7", unit="requests")
def L4(run: Run) -> Conclusion:
    """The served model minimises V E_m + Q_t (alpha - s_hat_m) when exploiting: requests where not."""
    return _failures(run, "L4") if run.case.rule == "mess+" else NotApplicable("another rule than MESS+")


STATEMENTS = (L1, reflection, L2, L3, L4)
