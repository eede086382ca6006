"""Frames across gaps, and trees of frames within frames."""
