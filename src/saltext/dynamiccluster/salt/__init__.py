"""The only room that knows Salt: pillar, event bus, keys, highstates, commands, and the engine's process."""
