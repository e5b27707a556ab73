"""A stand-in for Torque and Maui: the real commands' names, options, answers and delays, over one state held by one process."""
