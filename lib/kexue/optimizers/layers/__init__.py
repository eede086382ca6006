"""A rate for every layer, by its path or by its parametrisation; gradients that are bent on the way back."""
