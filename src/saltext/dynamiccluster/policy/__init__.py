"""The pure decision: what to do next and why. No I/O, no clock, no Salt."""
