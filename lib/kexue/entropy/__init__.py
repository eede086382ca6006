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
`NGrams`                       all n-grams of a text up to an order, as arrays
`NGramTable`                   those of one length
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
`encode_clauses`               a corpus as one array of numbers, its vocabulary, its counts
`EncodedClauses`               what it returns
`skip_pairs`                   ordered pairs of words at a distance, counted in one pass
`PairTable`                    what it returns
`frame_scores`                 their gain, pointwise mutual information or count
`count_paths`                  how many paths the links of a sentence form, exactly
`longest_paths`                the longest from each source
`extract_templates`            templates of a corpus: linked words with slots between
`Template`                     words with slots between: a tuple, None for a slot
`template_grammar`             a grammar with one nonterminal from counts of templates and words
`TemplateGrammar`              what it returns
`inside`                       all trees of a sentence: their sum, the best, their number
`best_tree`                    the chunks of the most probable tree
`BestTree`                     its chunks and their logarithmic weight
`span_probabilities`           how probable each chunk is, over all trees
`template_em`                  probabilities from sentences without trees, one table for each slot
`TemplateEM`                   what it returns: grammar and likelihoods
`spans_of`                     brackets as a matrix
`bracket_f1`                   agreement of two parses
`Links`                        a weighted network as arrays
`links`                        from arrays of ends and weights
`links_of_matrix`              from a matrix of weights
`ring_of_cliques`              cliques in a ring, and the clique of each node
`planted_power_law`            a network with known communities (power laws of degrees and sizes)
`Flow`                         visits of nodes, and flow along links
`undirected_flow`              of a walk along undirected links
`directed_flow`                of a walk along directed links, with teleportation (PageRank)
`stationary_distribution`      where that walk is in the long run, by power iteration
`map_equation`                 bits per step of a walk, given a partition (Infomap)
`map_equation_terms`           what the names of modules, exits and nodes cost
`MapTerms`                     their type
`move_changes`                 by how much a move of a node to each module changes the bits
`modularity`                   the rival: flow inside modules, less that of chance
`infomap_search`               communities: the partition with the shortest code, over many seeds at once
`Partition`                    its labels and codelengths
`huffman_code`                 binary words of least mean length
`two_level_code`               a Huffman code for the modules and one within each
`TwoLevelCode`                 its words
`encode_walk`                  a walk as a string of bits
`decode_walk`                  and back
`random_walk`                  a walk along the links
=============================  =====================================================================
"""

import lazy_loader

# Lazy: who needs one function imports one module.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
