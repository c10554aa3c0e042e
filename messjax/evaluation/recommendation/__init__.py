"""Which policy a recorded trace recommends at an SLA target, how sure that is, and why. Entered by `recommend`."""
