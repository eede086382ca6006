"""Functions from one optimizer to another: accumulation, averaging, decay, layers, lazy rows, slow weights."""
