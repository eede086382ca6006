"""Drawing from a distribution that can be scored but not sampled.

=====================================  =====================================================================
`Bigram`                               a language model that is a Markov chain: every probability is known
`bigram_model`                         the same, counted from sentences
`constrained_lattice`                  all sentences of one length with keywords, acrostics, gaps to fill
`Lattice`                              what it returns: the normaliser, exact draws, marginals, the maximum
`cumulative`                           cumulative sums that never decrease
`invert_rows`                          draws from them, each in a row of its own
`grid_sample`                          draws from a density on a grid
`ngram_model`                          characters or words with back-off, counted in one pass
`NGram`                                what it returns; scores batches of text
`rejection_sample`                     exact draws under an envelope; a hole in it is an error
`Rejection`                            all proposals, which were kept, and the normaliser
`importance_estimate`                  a mean by weighted draws, with the error bar that it claims
`ImportanceEstimate`                   what it returns
`importance_effective_sample_size`     how many equal weights some weights are worth
`pareto_smooth`                        tame the largest weights, and say whether to believe them
`ParetoSmoothed`                       what it returns: weights, and the shape k of their tail
`Kernel`                               `init` and `step`, in blackjax's form
`State`                                what a kernel's next step needs
`Info`                                 what diagnostics want of a step
`metropolis_hastings`                  propose, then accept or stay
`Proposal`                             a proposed state and how much easier the way back is
`acceptance_probability`               Metropolis's rule and Barker's
`random_walk`                          normal steps, one length for all, one each, or a matrix
`independent_metropolis`               proposals that ignore the state
`gibbs`                                one block after the other, given the rest
`cycle`                                one kernel after another
`Moves`                                proposals that know their probability and how to undo themselves
`move_proposal`                        a proposal with the right ratio from such moves
`swap_moves`                           two entries change places
`site_moves`                           one token redrawn
`redraw_token`                         what `gibbs` needs for tokens
`draw_index`                           one index from logits, by one random number
`edit_moves`                           insert, delete and replace words, every choice counted
`Sentence`                             tokens in a vector of fixed capacity, some of them locked
`sentence`                             make one
`every_edit`                           all such moves, to enumerate them
`every_sentence`                       all sentences up to a length
`markov_score`                         log-probability of a sentence under a chain of words
`parallel_tempering`                   replicas at several temperatures that exchange states
`TemperingState`                       all replicas, the cold one first
`TemperingInfo`                        moves and swaps
`geometric_ladder`                     inverse temperatures in equal ratios
`run_chains`                           one chain a key, on one device or many
`kernel_matrix`                        a sampler's matrix by running its own code on every state and move
`metropolis_matrix`                    the same from a matrix of proposals
`stationary_distribution`              the law that a finite chain keeps
`detailed_balance_residual`            the largest flow that does not return
`spectral_gap`                         how fast the start is forgotten
`mixing_time`                          steps until every start is nearly forgotten
`potential_scale_reduction`            do chains agree? split, rank-normalised, folded
`effective_sample_size`                how many independent draws a trace is worth
`autocorrelation`                      how long a chain remembers
`perturbed_argmax`                     which of n scores wins after any noise: by quadrature, with exact structure
`perturbed_argmax_probs`               its probabilities
`perturbed_argmax_log_probs`           their logarithms, of which none underflows
`perturbed_max`                        the expected maximum, whose gradient they are
`PerturbedArgmax`                      all three, with the residual of the quadrature
`fenchel_young_loss`                   the loss whose gradient is probabilities minus target
`exponential_noise_probs`              exponential noise in closed form
`sample_perturbed`                     draws of the winner
`perturbed_monte_carlo`                how often each wins, with standard errors
`MonteCarlo`                           what it returns
`Noise`                                a noise of your own
`NOISES`                               seven by name
`named_noise`                          one of them
`nodes_of_the_maximum`                 where the maximum may fall: nodes and weights for all classes at once
`MaximumNodes`                         what it returns
`gumbel_top_k`                         draws without replacement, in one pass
`plackett_luce_log_prob`               how likely that order was
`gumbel_softmax`                       relaxed samples, with or without the straight-through gradient
`anneal`                               minimise along a falling temperature, by any proposal or kernel
`Annealed`                             what it returns: each chain's best state
`geometric_temperatures`               cooling by the same factor each step
`linear_temperatures`                  by the same amount
`logarithmic_temperatures`             slowly enough for a guarantee
`ground_state_bound`                   least mass of the minima at a temperature
`anneal_box`                           minimise a function on a box
`box_move`                             steps of all sizes in a box
`newton_descent`                       the local search at the end
`anneal_tours`                         short round trips: 2-opt and Or-opt, neighbour lists, resampled chains
`AnnealedTours`                        what it returns
`TourTrace`                            its history
`nearest_cities`                       neighbour lists
`tour_length`                          length of a round trip
`random_tours`                         uniform permutations
`greedy_tour`                          always on to the nearest city
`two_opt_descent`                      reverse stretches until no reversal shortens
`two_opt_kernel`                       a Markov chain on tours at one temperature
`two_opt_difference`                   what a reversal changes, from four distances
`reverse_between`                      a stretch of a tour backwards
=====================================  =====================================================================
"""

import lazy_loader

# Lazy: who needs one function imports one module.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
