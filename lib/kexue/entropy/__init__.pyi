from .words.gain import merge_gain as merge_gain
from .words.gain import merge_gain_approx as merge_gain_approx
