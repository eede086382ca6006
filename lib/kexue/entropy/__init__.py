"""Structure is what makes a description shorter: words, sentence templates and communities, found without labels.

=============================  =====================================================================
`merge_gain`                   what a text gains when two neighbouring units become one
`merge_gain_approx`            the same for rare pairs, a lower bound
`encode_clauses`               a corpus as one array of numbers, its vocabulary, its counts
`skip_pairs`                   ordered pairs of words at a distance, counted in one pass
`frame_scores`                 their gain, pointwise mutual information or count
`count_paths`                  how many paths the links of a sentence form, exactly
`longest_paths`                the longest from each source
`extract_templates`            templates of a corpus: linked words with slots between
`template_grammar`             a grammar with one nonterminal from counts of templates and words
`inside`                       all trees of a sentence: their sum, the best, their number
`best_tree`                    the chunks of the most probable tree
`span_probabilities`           how probable each chunk is, over all trees
`template_em`                  probabilities from sentences without trees, one table for each slot
`spans_of`                     brackets as a matrix
`bracket_f1`                   agreement of two parses
=============================  =====================================================================
"""

import lazy_loader

# Lazy: who needs one function imports one module.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
