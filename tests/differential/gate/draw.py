"""Choices of one candidate, drawn from its number and kept as its recipe."""

import random


class Draw:
    """A source of choices that is the same for the same seed and number, and remembers what it chose."""

    def __init__(self, seed, number):
        self.random = random.Random(f"{seed}/{number}")
        self.recipe = []

    def pick(self, what, options):
        """One of `options`: a sequence of labels, or a mapping of labels to weights."""
        labels = list(options)
        weights = list(options.values()) if isinstance(options, dict) else None
        label = self.random.choices(labels, weights)[0]
        self.note(what, label)
        return label

    def quietly(self, options):
        """One of `options`, a sequence, that is not worth a word in the recipe."""
        return self.random.choice(options)

    def chance(self, probability, what=None):
        """True as often as `probability` says. Noted when true, if it has a name."""
        true = self.random.random() < probability
        if true and what:
            self.recipe.append(what)
        return true

    def below(self, bound):
        return self.random.randrange(bound)

    def note(self, what, label):
        self.recipe.append(f"{what}={label}")

    def noise(self, length):
        """Bytes that no codec makes smaller."""
        return self.random.randbytes(length)

    def length(self, what):
        """A length on either side of the usual limits and buffers."""
        label = self.pick(what, {"few": 60, "hundreds": 15, "5k": 8, "64k": 9, "70k": 5, "300k": 2, "1m": 0.2})
        return {
            "few": self.below(12),
            "hundreds": 100 + self.below(900),
            "5k": 4300 + self.below(900),
            "64k": 65530 + self.below(12),
            "70k": 70000 + self.below(9000),
            "300k": 300000 + self.below(9000),
            "1m": 1048570 + self.below(12),
        }[label]
