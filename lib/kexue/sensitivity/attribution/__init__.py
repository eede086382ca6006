"""What each coordinate of an input contributes to an output."""
