"""Norms of matrices and convolutions: estimated from below, bounded from above."""
