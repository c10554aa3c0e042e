"""What ParetoBandit's authors publish (arXiv 2604.00136 and the results beside its code), 20 seeds each.

Experiments 2 to 4 are those with a = .01, forgetting .997 and a prior worth 1,164 requests, without a fixed penalty.
"""

from __future__ import annotations

BUDGETS = (  # of experiment 1, USD per request
    2.929142857142857e-05, 8.288492672236805e-05, 0.00023453656625246907, 0.000663659884670611, 0.0018779350681159357,
    0.0053139269297102105, 0.015036632352941177,
)  # fmt: skip
STATIONARY = (  # reward and cost at each of the budgets
    (0.7932, 2.875e-5), (0.8128, 8.32e-5), (0.8588, 2.347e-4), (0.8978, 6.50e-4), (0.9172, 1.709e-3),
    (0.9244, 4.705e-3), (0.9290, 1.109e-2),
)  # fmt: skip
LEVELS = {"tight": 3.0e-4, "moderate": 6.62e-4, "loose": 1.87e-3}  # budgets of experiments 2 to 4
DRIFT = {  # reward and cost over budget of each of three phases
    "tight": ((0.8621, 1.01), (0.9334, 0.95), (0.8543, 1.04)),
    "moderate": ((0.8823, 0.99), (0.9259, 0.65), (0.8914, 1.00)),
    "loose": ((0.9094, 0.96), (0.9276, 0.23), (0.9119, 0.95)),
}
DEGRADED = {
    "tight": ((0.8632, 1.00), (0.8004, 1.00), (0.8185, 0.99)),
    "moderate": ((0.8850, 0.98), (0.7947, 0.99), (0.8630, 0.97)),
    "loose": ((0.9103, 0.95), (0.7936, 0.97), (0.8977, 0.97)),
}
ONBOARDING = {  # reward, cost in USD, share of the new model, requests until it is adopted
    "tight": (0.866, 3.0e-4, 0.086, 142),
    "moderate": (0.899, 6.5e-4, 0.129, 121),
    "loose": (0.918, 1.7e-3, 0.159, 121),
}
