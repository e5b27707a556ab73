"""A world to decide in without any: virtual time and simulated clouds and batch systems that hold to the ports' contracts."""
