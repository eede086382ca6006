from .layers.gradients import bend_gradients as bend_gradients
from .layers.gradients import clip_gradient_norm as clip_gradient_norm
from .layers.gradients import reverse_gradient as reverse_gradient
from .layers.gradients import scale_gradient as scale_gradient
from .layers.paths import discriminative_rates as discriminative_rates
from .layers.paths import rates_by_path as rates_by_path
from .layers.reparametrization import reparametrize as reparametrize
from .layers.reparametrization import scaling_exponent as scaling_exponent
