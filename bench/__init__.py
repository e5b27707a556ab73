"""What a cycle costs, measured: `./run bench`. Each case is a module's entry in CASES, each run of one a process of its own."""
