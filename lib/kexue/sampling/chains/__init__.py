"""Markov chains: kernels and how to combine them, running them, and what their traces are worth."""
