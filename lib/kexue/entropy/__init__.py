"""Structure is what makes a description shorter: words, sentence templates and communities, found without labels.

=============================  =====================================================================
`NGrams`                       all n-grams of a text up to an order, as arrays
`SegmentationScores`           precision, recall and F1 of words
`UnigramSegmenter`             reads a text with a lexicon: the division of least information (Viterbi)
`branching_entropy`            how uncertain the neighbours of each n-gram are, on both sides
`character_ids`                texts as one array of numbers, with -1 between them
`cut_outside`                  cuts where no accepted n-gram covers both sides
`cut_text`                     the pieces between cuts, and how often each occurs
`multisplit_pmi`               the weakest seam of every n-gram
`neighbours`                   count and PMI of every two neighbouring symbols of a text
`ngram_counts`                 counts all n-grams of a text by one sort
`pmi`                          pointwise mutual information of neighbours, from counts
`prune_redundant`              drops the words that shorter words of a lexicon nearly replace
`segmentation_scores`          compares two segmentations word by word
`weak_seams`                   cuts between neighbours that are rare together, or indifferent (PMI)
`merge_gain`                   what a text gains when two neighbouring units become one
`merge_gain_approx`            the same for rare pairs, a lower bound
=============================  =====================================================================
"""

import lazy_loader

# Lazy: who needs one function imports one module.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
