"""Optimizers as dynamical systems: flows, inertia, noise, escape, adaptive scales.

===========================  =====================================================================
`gradient_flow`              the flow whose Euler scheme is gradient descent
`modified_loss`              the loss whose flow gradient descent follows to second order
`momentum_flow`              a particle with friction: the flow behind the heavy ball
`nesterov_flow`              friction that fades as 3/t: the flow behind Nesterov's method
`heavy_ball`                 the heavy ball as an optax optimizer, with a second-order first step
`nesterov`                   Nesterov's method with its k/(k + 3) schedule, as an optax optimizer
`HeavyBallState`             what the next step of the first needs
`NesterovState`              what the next step of the second needs
`heavy_ball_from_ode`        friction and time step → learning rate and momentum
`ode_from_heavy_ball`        learning rate and momentum → friction and time step
`tuned_heavy_ball`           the best learning rate and momentum on a quadratic
`characteristic_roots`       the two roots that decide the fate of one curvature
`companion_radius`           their largest modulus: the rate of contraction
`langevin`                   chains of gradient descent with Gaussian noise of a given temperature
`sgd_stationary_cov`         where noisy descent ends on a quadratic: exact, with momentum
`minibatch_stationary_cov`   the same for mini-batches of a least-squares problem
`stationary_density`         where noisy descent ends in one dimension: exact, any potential
`StationaryDensity`          what it returns
`first_passage_time`         mean time of escape of the diffusion, by quadrature
`discrete_passage_time`      mean time of escape of the iteration, by a linear system
`kramers_time`               its limit at low temperature
`rmsprop`                    RMSprop with one scale per coordinate, per tensor or for all, as an optax optimizer
`scale_by_root_mean_square`  the same without a learning rate, for `optax.chain`
`RootMeanSquareState`        what its next step needs
`rmsprop_floor`              the loss at which RMSprop with a constant rate stalls
`arc_length_flow`            the gradient flow walked at speed one
`sign_flow`                  the limit of RMSprop and Adam for fixed decays
`adam_flow`                  the limit of Adam for memories of fixed duration
`adagrad_flow`               the limit of AdaGrad, on the clock of the squared rate
`rotate_loss`                the same landscape in turned coordinates
`preconditioned_sharpness`   the largest curvature that Adam sees, by Lanczos iteration
`Sharpness`                  what it returns
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
`OdeCell`                    a step of an ODE solver as a recurrent cell: Euler, Heun, Runge-Kutta
`unroll`                     a cell run from a start: forward propagation, which is solving the ODE
`observe`                    the states at given numbers of steps
`leaky_integrator`           the gate that a time constant amounts to
`chrono_bias`                the bias of a forget gate that remembers for so many steps
`AntisymmetricCell`          a recurrent cell whose linear flow neither grows nor fades
`fit_parameters`             an ODE's parameters from a trajectory seen at some times, by Levenberg-Marquardt
`regress_derivatives`        the same from finite differences: biased, and a start for the fit
`multiple_shooting`          the same in windows that join only at the end: for chaotic trajectories
`FitResult`                  what they return: parameters, covariance, certificates
`sensitivity_growth`         how gradients through a trajectory grow with its length
`euler_bias`                 by how much an Euler cell that fits perfectly is wrong
===========================  =====================================================================
"""

import lazy_loader

# Lazy: diffrax alone costs 0.4 s, and most users of one function need no flow.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
