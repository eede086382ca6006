"""Units that shorten a text: what merging gains, what a lexicon costs, and all ways to cut at once."""
