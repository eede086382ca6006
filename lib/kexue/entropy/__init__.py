"""Structure is what makes a description shorter: words, sentence templates and communities, found without labels.

=============================  =====================================================================
`entropy_bits`                 the mean price of a symbol
`cost_per_letter`              the same for a letter, when longer units are the symbols
`two_part_code`                the description length: a text, and the lexicon that it is written in
`TwoPartCode`                  its two parts, in bits a letter
`merge_gain`                   what a text gains when two neighbouring units become one
`merge_gain_equal`             the same when the two are alike
`merge_gain_approx`            the same for rare pairs, a lower bound
`pair_counts`                  how often each pair of neighbours occurs
`greedy_merge`                 join pairs by their gain, by count (byte-pair encoding), by description length
`Merges`                       the course of it: units, costs, and the cut after any number of merges
`candidate_units`              the frequent substrings of a text
`segment_lattice`              every way to cut a text into units of a lexicon
`SegmentLattice`               the same as an array
`segment_log_z`                the sum over all of them; its gradient counts units
`expected_counts`              that gradient: how often each unit is used
`segment_viterbi`              the best of them
`boundary_posterior`           the probability that a unit ends after a letter
`mdl_em`                       a lexicon in which every unit pays for its spelling
`Lexicon`                      its probabilities, its segmentation, its code
`units_in_use`                 how often a segmentation uses each unit
`word_ends`                    where the words of a divided text end
`units_at`                     a text cut at given places
`letter_ids`                   a text as numbers
`boundary_scores`              precision, recall and F1 of boundaries and of whole words
`BoundaryScores`               those six numbers
=============================  =====================================================================
"""

import lazy_loader

# Lazy: who needs one function imports one module.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
