"""Whole optimizers: a second moment in two vectors, averages that never forget, integrators of higher order."""
