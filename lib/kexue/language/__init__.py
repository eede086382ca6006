"""Characters in, meaning out.

=============================  =====================================================================
`LinearChainCRF`               the layer on top of a network: one softmax over all tag sequences
`crf_nll`                      its loss, for one sequence
`crf_log_z`                    its normaliser, step by step or as a tree
`crf_score`                    the score of one tag sequence
`crf_marginals`                probabilities of tags and of neighbouring pairs (forward-backward)
`crf_viterbi`                  the best tag sequence
`crf_k_best`                   the best few
`crf_sample`                   exact draws
`mask_lengths`                 a mask of padded sequences as lengths, checked
`log_matmul`                   products of matrices of logarithms, for trees and associative scans
`max_matmul`                   the same with the best path instead of the sum
`BMES`                         four tags that divide characters into words
`bmes_grammar`                 which of them may follow which
`TagGrammar`                   what it returns
`bmes_tags`                    words to tags
`bmes_words`                   tags to words
`word_table`                   a dictionary as arrays, from which words can be drawn
`WordTable`                    what it returns
`random_sentences`             nonsense with known words: drawn by frequency and glued together
`RandomText`                   its letters and tags
`sentences_of`                 its sentences as words
`tag_posterior`                exact probabilities of the tags of a text under a dictionary
`NGramTagger`                  a tagger of hashed n-grams: a memory, and a small network on top
`train_tagger`                 its training on random sentences
`start_tagger`                 the state before
`TaggerTraining`               that state
`tagging_loss`                 the mean surprise at the true tags
`TaggerSegmenter`              reads text of any length with a tagger: the best legal tags
`longest_match`                the longest word of a dictionary, again and again (maximum matching)
`crossed_recall`               recall where words of a dictionary overlap
`CrossedRecall`                what it returns
=============================  =====================================================================
"""

import lazy_loader

# Lazy: who needs one function imports one module.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
