"""Figures that move on a static page: sliders over a grid of results, and frames to play."""
