"""Frames across a gap, the templates that they make, and a grammar with one nonterminal whose rules they are."""
