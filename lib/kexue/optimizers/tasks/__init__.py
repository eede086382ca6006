"""Many losses, one update: weights for the losses, and combinations of their gradients.

What stays as it was (``yes``), or only changes its length (``length``), when a loss is replaced:

====================================  ==========  ==============  ==============
direction                             one loss    one loss plus   all losses
                                      times c     a constant      times c
====================================  ==========  ==============  ==============
`relative_loss`, reference with it    yes         no              yes
`log_sum_loss`                        yes         no              yes
`power_mean`, gamma = 0               length      no              length
`power_mean`, gamma = 1 (mean loss)   no          yes             length
`power_mean`, any other gamma         no          no              length
`uncertainty_loss` at its optimum     yes         no              yes
`normalised_sum`, eps = 0             yes         yes             yes
`nash`                                yes         yes             yes
`imtl_g`                              up to sign  yes             length
`min_norm`                            no          yes             length
`cagrad`                              no          yes             length
`pcgrad`                              no          yes             length
`main_and_auxiliary`, auxiliary loss  yes         yes             length
====================================  ==========  ==============  ==============
"""
