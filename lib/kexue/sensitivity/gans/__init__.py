"""Generative adversarial networks: losses, what they measure, and one loop that trains them all."""
