"""Optimizers as dynamical systems: flows, inertia, noise, escape, adaptive scales.

===========================  =====================================================================
`gradient_flow`              the flow whose Euler scheme is gradient descent
`modified_loss`              the loss whose flow gradient descent follows to second order
`momentum_flow`              a particle with friction: the flow behind the heavy ball
`nesterov_flow`              friction that fades as 3/t: the flow behind Nesterov's method
`heavy_ball`                 the heavy ball as an optax optimizer, with a second-order first step
`nesterov`                   Nesterov's method with its k/(k + 3) schedule, as an optax optimizer
`heavy_ball_from_ode`        friction and time step → learning rate and momentum
`ode_from_heavy_ball`        learning rate and momentum → friction and time step
`tuned_heavy_ball`           the best learning rate and momentum on a quadratic
`characteristic_roots`       the two roots that decide the fate of one curvature
`companion_radius`           their largest modulus: the rate of contraction
`langevin`                   chains of gradient descent with Gaussian noise of a given temperature
`sgd_stationary_cov`         where noisy descent ends on a quadratic: exact, with momentum
`minibatch_stationary_cov`   the same for mini-batches of a least-squares problem
`stationary_density`         where noisy descent ends in one dimension: exact, any potential
`first_passage_time`         mean time of escape of the diffusion, by quadrature
`discrete_passage_time`      mean time of escape of the iteration, by a linear system
`kramers_time`               its limit at low temperature
`rmsprop`                    RMSprop with one scale per coordinate, per tensor or for all, as an optax optimizer
`scale_by_root_mean_square`  the same without a learning rate, for `optax.chain`
`rmsprop_floor`              the loss at which RMSprop with a constant rate stalls
`arc_length_flow`            the gradient flow walked at speed one
`sign_flow`                  the limit of RMSprop and Adam for fixed decays
`adam_flow`                  the limit of Adam for memories of fixed duration
`adagrad_flow`               the limit of AdaGrad, on the clock of the squared rate
`rotate_loss`                the same landscape in turned coordinates
`preconditioned_sharpness`   the largest curvature that Adam sees, by Lanczos iteration
`ema_momentum_threshold`     how much of it averaged momentum can stand
`dirac_field`                the smallest GAN as a vector field: seven losses, gradient penalty, width of the data
`dirac_eigenvalues`          the eigenvalues of its Jacobian at the equilibrium, in closed form
`angular_momentum`           what a loss that sees only φ·θ can never change
`game_energy`                squared distance to the equilibrium
`play`                       two players take turns: alternating, simultaneous, extragradient and others
`scheme_matrix`              the linear map that one such step is near an equilibrium
`integrate_game`             the flow of a game, by Runge-Kutta
`game_jacobian`              the Jacobian of a game's field
`polyak_average`             average of iterates, uniform or forgetting
===========================  =====================================================================
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adaptive import rmsprop, rmsprop_floor, scale_by_root_mean_square
    from .adaptive_flows import adagrad_flow, adam_flow, arc_length_flow, sign_flow
    from .dirac_gan import angular_momentum, dirac_eigenvalues, dirac_field, game_energy
    from .escape import discrete_passage_time, first_passage_time, kramers_time, stationary_density
    from .flows import gradient_flow, modified_loss, momentum_flow, nesterov_flow
    from .game_schemes import play, scheme_matrix
    from .games import game_jacobian, integrate_game, polyak_average
    from .momentum import (
        characteristic_roots,
        companion_radius,
        heavy_ball,
        heavy_ball_from_ode,
        nesterov,
        ode_from_heavy_ball,
        tuned_heavy_ball,
    )
    from .noise import langevin, minibatch_stationary_cov, sgd_stationary_cov
    from .sharpness import ema_momentum_threshold, preconditioned_sharpness, rotate_loss

_HOME = {
    "gradient_flow": "flows",
    "modified_loss": "flows",
    "momentum_flow": "flows",
    "nesterov_flow": "flows",
    "heavy_ball": "momentum",
    "nesterov": "momentum",
    "heavy_ball_from_ode": "momentum",
    "ode_from_heavy_ball": "momentum",
    "tuned_heavy_ball": "momentum",
    "characteristic_roots": "momentum",
    "companion_radius": "momentum",
    "langevin": "noise",
    "sgd_stationary_cov": "noise",
    "minibatch_stationary_cov": "noise",
    "stationary_density": "escape",
    "first_passage_time": "escape",
    "discrete_passage_time": "escape",
    "kramers_time": "escape",
    "rmsprop": "adaptive",
    "scale_by_root_mean_square": "adaptive",
    "rmsprop_floor": "adaptive",
    "arc_length_flow": "adaptive_flows",
    "sign_flow": "adaptive_flows",
    "adam_flow": "adaptive_flows",
    "adagrad_flow": "adaptive_flows",
    "rotate_loss": "sharpness",
    "preconditioned_sharpness": "sharpness",
    "ema_momentum_threshold": "sharpness",
    "dirac_field": "dirac_gan",
    "dirac_eigenvalues": "dirac_gan",
    "angular_momentum": "dirac_gan",
    "game_energy": "dirac_gan",
    "play": "game_schemes",
    "scheme_matrix": "game_schemes",
    "integrate_game": "games",
    "game_jacobian": "games",
    "polyak_average": "games",
}

__all__ = [
    "adagrad_flow",
    "adam_flow",
    "angular_momentum",
    "arc_length_flow",
    "characteristic_roots",
    "companion_radius",
    "dirac_eigenvalues",
    "dirac_field",
    "discrete_passage_time",
    "ema_momentum_threshold",
    "first_passage_time",
    "game_energy",
    "game_jacobian",
    "gradient_flow",
    "heavy_ball",
    "heavy_ball_from_ode",
    "integrate_game",
    "kramers_time",
    "langevin",
    "minibatch_stationary_cov",
    "modified_loss",
    "momentum_flow",
    "nesterov",
    "nesterov_flow",
    "ode_from_heavy_ball",
    "play",
    "polyak_average",
    "preconditioned_sharpness",
    "rmsprop",
    "rmsprop_floor",
    "rotate_loss",
    "scale_by_root_mean_square",
    "scheme_matrix",
    "sgd_stationary_cov",
    "sign_flow",
    "stationary_density",
    "tuned_heavy_ball",
]


def __getattr__(name: str) -> Any:
    # Lazy: diffrax alone costs 0.4 s, and most users of one function need no flow.
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
