"""Minimisation by a Markov chain whose temperature falls."""
