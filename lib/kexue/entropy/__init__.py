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
