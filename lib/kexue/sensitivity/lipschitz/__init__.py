"""Lipschitz constants of networks: imposed, bounded, and measured at points."""
