"""The loop: observe, decide, act. The only writer of the world."""
