"""Categorical distributions as the maxima of scores with noise."""
