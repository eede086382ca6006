"""Words without a dictionary: counts, merging, cutting, and the price of a lexicon."""
