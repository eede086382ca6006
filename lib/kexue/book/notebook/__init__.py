"""What a cell calls to speak to the reader: the first line, claims, exercises, the figure style, the scale."""
