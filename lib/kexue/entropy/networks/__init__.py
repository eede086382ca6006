"""Communities as a shorter code for a walk: the map equation and its search."""
