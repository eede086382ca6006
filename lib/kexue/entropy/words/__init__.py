"""Words without a teacher: counts, cuts, redundancy, and reading with a lexicon."""
