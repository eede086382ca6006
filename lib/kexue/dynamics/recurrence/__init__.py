"""Recurrent cells and differential equations: solve one by the other, and recover a field from its trajectory."""
