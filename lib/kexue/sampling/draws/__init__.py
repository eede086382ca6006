"""Independent draws: by inversion, under an envelope, or with weights that make up for another law."""
