"""Recorded traces: requests that all models have answered, read from their publishers' own formats."""

from messjax.traces.routellm import parse_prices, read_routellm
from messjax.traces.schema import Trace, check_trace, order_by_cost

__all__ = ["Trace", "check_trace", "order_by_cost", "parse_prices", "read_routellm"]
