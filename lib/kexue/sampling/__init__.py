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

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .annealing import (
        Annealed,
        anneal,
        geometric_temperatures,
        ground_state_bound,
        linear_temperatures,
        logarithmic_temperatures,
    )
    from .bigram import Bigram, bigram_model
    from .box_annealing import anneal_box, box_move, newton_descent
    from .chains import run_chains
    from .diagnostics import autocorrelation, effective_sample_size, potential_scale_reduction
    from .enumeration import kernel_matrix
    from .finite_chains import (
        detailed_balance_residual,
        metropolis_matrix,
        mixing_time,
        spectral_gap,
        stationary_distribution,
    )
    from .gumbel import gumbel_softmax, gumbel_top_k, plackett_luce_log_prob
    from .importance import ImportanceEstimate, importance_effective_sample_size, importance_estimate
    from .inverse_cdf import cumulative, grid_sample, invert_rows
    from .kernels import (
        Info,
        Kernel,
        Proposal,
        State,
        acceptance_probability,
        metropolis_hastings,
    )
    from .lattice import Lattice, constrained_lattice
    from .moves import Moves, draw_index, move_proposal, redraw_token, site_moves, swap_moves
    from .ngram import NGram, ngram_model
    from .noises import NOISES, Noise, named_noise
    from .pareto import ParetoSmoothed, pareto_smooth
    from .perturbed import (
        PerturbedArgmax,
        exponential_noise_probs,
        fenchel_young_loss,
        perturbed_argmax,
        perturbed_argmax_log_probs,
        perturbed_argmax_probs,
        perturbed_max,
    )
    from .perturbed_draws import MonteCarlo, perturbed_monte_carlo, sample_perturbed
    from .perturbed_nodes import MaximumNodes, nodes_of_the_maximum
    from .rejection import Rejection, rejection_sample
    from .sequences import Sentence, edit_moves, every_edit, every_sentence, markov_score, sentence
    from .sweeps import cycle, gibbs
    from .tempering import TemperingInfo, TemperingState, geometric_ladder, parallel_tempering
    from .tour_annealing import AnnealedTours, TourTrace, anneal_tours, nearest_cities
    from .tours import (
        greedy_tour,
        random_tours,
        reverse_between,
        tour_length,
        two_opt_descent,
        two_opt_difference,
        two_opt_kernel,
    )
    from .walks import independent_metropolis, random_walk

_HOME: dict[str, str] = {
    "Bigram": "bigram",
    "bigram_model": "bigram",
    "constrained_lattice": "lattice",
    "Lattice": "lattice",
    "cumulative": "inverse_cdf",
    "invert_rows": "inverse_cdf",
    "grid_sample": "inverse_cdf",
    "ngram_model": "ngram",
    "NGram": "ngram",
    "rejection_sample": "rejection",
    "Rejection": "rejection",
    "importance_estimate": "importance",
    "ImportanceEstimate": "importance",
    "importance_effective_sample_size": "importance",
    "pareto_smooth": "pareto",
    "ParetoSmoothed": "pareto",
    "Kernel": "kernels",
    "State": "kernels",
    "Info": "kernels",
    "metropolis_hastings": "kernels",
    "Proposal": "kernels",
    "acceptance_probability": "kernels",
    "random_walk": "walks",
    "independent_metropolis": "walks",
    "gibbs": "sweeps",
    "cycle": "sweeps",
    "Moves": "moves",
    "move_proposal": "moves",
    "swap_moves": "moves",
    "site_moves": "moves",
    "redraw_token": "moves",
    "draw_index": "moves",
    "edit_moves": "sequences",
    "Sentence": "sequences",
    "sentence": "sequences",
    "every_edit": "sequences",
    "every_sentence": "sequences",
    "markov_score": "sequences",
    "parallel_tempering": "tempering",
    "TemperingState": "tempering",
    "TemperingInfo": "tempering",
    "geometric_ladder": "tempering",
    "run_chains": "chains",
    "kernel_matrix": "enumeration",
    "metropolis_matrix": "finite_chains",
    "stationary_distribution": "finite_chains",
    "detailed_balance_residual": "finite_chains",
    "spectral_gap": "finite_chains",
    "mixing_time": "finite_chains",
    "potential_scale_reduction": "diagnostics",
    "effective_sample_size": "diagnostics",
    "autocorrelation": "diagnostics",
    "perturbed_argmax": "perturbed",
    "perturbed_argmax_probs": "perturbed",
    "perturbed_argmax_log_probs": "perturbed",
    "perturbed_max": "perturbed",
    "PerturbedArgmax": "perturbed",
    "fenchel_young_loss": "perturbed",
    "exponential_noise_probs": "perturbed",
    "sample_perturbed": "perturbed_draws",
    "perturbed_monte_carlo": "perturbed_draws",
    "MonteCarlo": "perturbed_draws",
    "Noise": "noises",
    "NOISES": "noises",
    "named_noise": "noises",
    "nodes_of_the_maximum": "perturbed_nodes",
    "MaximumNodes": "perturbed_nodes",
    "gumbel_top_k": "gumbel",
    "plackett_luce_log_prob": "gumbel",
    "gumbel_softmax": "gumbel",
    "anneal": "annealing",
    "Annealed": "annealing",
    "geometric_temperatures": "annealing",
    "linear_temperatures": "annealing",
    "logarithmic_temperatures": "annealing",
    "ground_state_bound": "annealing",
    "anneal_box": "box_annealing",
    "box_move": "box_annealing",
    "newton_descent": "box_annealing",
    "anneal_tours": "tour_annealing",
    "AnnealedTours": "tour_annealing",
    "TourTrace": "tour_annealing",
    "nearest_cities": "tour_annealing",
    "tour_length": "tours",
    "random_tours": "tours",
    "greedy_tour": "tours",
    "two_opt_descent": "tours",
    "two_opt_kernel": "tours",
    "two_opt_difference": "tours",
    "reverse_between": "tours",
}

__all__ = [
    "NOISES",
    "Annealed",
    "AnnealedTours",
    "Bigram",
    "ImportanceEstimate",
    "Info",
    "Kernel",
    "Lattice",
    "MaximumNodes",
    "MonteCarlo",
    "Moves",
    "NGram",
    "Noise",
    "ParetoSmoothed",
    "PerturbedArgmax",
    "Proposal",
    "Rejection",
    "Sentence",
    "State",
    "TemperingInfo",
    "TemperingState",
    "TourTrace",
    "acceptance_probability",
    "anneal",
    "anneal_box",
    "anneal_tours",
    "autocorrelation",
    "bigram_model",
    "box_move",
    "constrained_lattice",
    "cumulative",
    "cycle",
    "detailed_balance_residual",
    "draw_index",
    "edit_moves",
    "effective_sample_size",
    "every_edit",
    "every_sentence",
    "exponential_noise_probs",
    "fenchel_young_loss",
    "geometric_ladder",
    "geometric_temperatures",
    "gibbs",
    "greedy_tour",
    "grid_sample",
    "ground_state_bound",
    "gumbel_softmax",
    "gumbel_top_k",
    "importance_effective_sample_size",
    "importance_estimate",
    "independent_metropolis",
    "invert_rows",
    "kernel_matrix",
    "linear_temperatures",
    "logarithmic_temperatures",
    "markov_score",
    "metropolis_hastings",
    "metropolis_matrix",
    "mixing_time",
    "move_proposal",
    "named_noise",
    "nearest_cities",
    "newton_descent",
    "ngram_model",
    "nodes_of_the_maximum",
    "parallel_tempering",
    "pareto_smooth",
    "perturbed_argmax",
    "perturbed_argmax_log_probs",
    "perturbed_argmax_probs",
    "perturbed_max",
    "perturbed_monte_carlo",
    "plackett_luce_log_prob",
    "potential_scale_reduction",
    "random_tours",
    "random_walk",
    "redraw_token",
    "rejection_sample",
    "reverse_between",
    "run_chains",
    "sample_perturbed",
    "sentence",
    "site_moves",
    "spectral_gap",
    "stationary_distribution",
    "swap_moves",
    "tour_length",
    "two_opt_descent",
    "two_opt_difference",
    "two_opt_kernel",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
