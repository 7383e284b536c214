"""Lookahead: slow weights follow those that learn, and replace them every few steps.

Zhang et al. 2019, "Lookahead Optimizer: k steps forward, 1 step back", with the rising decay of Jordan 2024, section 3.
Early slow weights follow closely; towards the end they average over many steps, which takes the noise away.
"""

DECAY = 0.95                           # of the slow weights for each step, at the end of the run


class Lookahead:
    """Every `every` steps of `total`, and after the last one:

        decay = 0.95^every · (step / total)³        (after the last step: 1)
        slow  = decay · slow + (1 - decay) · fast
        fast  = slow

    for all numbers of the model's state that are not integers: the running statistics of norms move as well.
    """

    def __init__(self, model, every, total):
        self.model, self.every, self.total = model, every, total
        self.slow = {name: fast.array.copy() for name, fast in self.fast()}

    def fast(self):
        """(name, tensor) of the weights that learn, and of the running statistics."""
        return [(name, value) for name, value in self.model.state_dict().items() if value.is_floating_point()]

    def step(self, step):
        """To be called after each step of the optimizer, with how many there were by now."""
        if step % self.every == 0:
            self.pull(DECAY**self.every * (step / self.total)**3)
        if step == self.total:
            self.pull(1)

    def pull(self, decay):
        for name, fast in self.fast():
            slow = self.slow[name]
            slow += (1 - decay) * (fast.array - slow)
            fast.array[...] = slow
            fast.bump()

    def state_dict(self):
        return self.slow

    def load_state_dict(self, state):
        for name, slow in self.slow.items():
            slow[...] = state[name]
