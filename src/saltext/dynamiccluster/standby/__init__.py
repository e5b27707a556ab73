"""Two engines on two masters, one acts: the place that they share, and the lease that one of them holds there."""
