"""Segmenters that learn from a dictionary alone: random sentences, taggers that read windows, the exact posterior."""
