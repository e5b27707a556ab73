"""Replay of a workload trace: the real decision code over a simulated cluster, to see waiting times and costs before they are paid for."""
