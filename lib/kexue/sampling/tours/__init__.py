"""Round trips through given cities."""
