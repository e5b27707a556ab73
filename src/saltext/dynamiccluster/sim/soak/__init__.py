"""The soak: random scenarios in a world that misbehaves, and what must hold at every step of them."""
