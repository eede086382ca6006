"""Many losses, one update: weights for the losses, and combinations of their gradients."""
