"""A text for a small language model: fairy tales that are made up from a seed, as many as needed.

A tale fills the blanks of sentence patterns. A blank is filled where it first occurs and then stays the same to the
end of the tale, so that a model that predicts the next letter must remember who is who. The numbers of choices give
the entropy of the text: no model can reach a lower loss.
"""

import math

import numpy as np

HEROES = [("Ada", "she", "her"), ("Bruno", "he", "his"), ("Cleo", "she", "her"), ("Dario", "he", "his"),
          ("Elsa", "she", "her"), ("Fritz", "he", "his"), ("Greta", "she", "her"), ("Hugo", "he", "his"),
          ("Ines", "she", "her"), ("Jonas", "he", "his"), ("Kira", "she", "her"), ("Leo", "he", "his")]
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven"]
BLANKS = {
    "time": ["Once upon a time", "Long ago", "In the year of the great snow", "When wishes still came true"],
    "temper": ["brave", "clever", "gentle", "hungry", "lazy", "merry", "proud", "quiet", "sleepy", "tiny"],
    "animal": ["badger", "bear", "cat", "crow", "fox", "frog", "goose", "hare", "mole", "wolf"],
    "place": ["behind the blue hills", "by the silver lake", "in a hollow oak", "in the dark forest",
              "near the old mill", "under the stone bridge", "on the windy moor"],
    "treasure": ["a golden key", "a red balloon", "a silver bell", "a singing stone", "a pot of honey",
                 "the crown of glass", "the lost map"],
    "owner": ["dragon", "giant", "king", "miller", "owl", "queen", "witch"],
    "mood": ["angry", "bored", "kind", "lonely", "old", "wise"],
    "thing": ["acorns", "candles", "feathers", "pearls", "riddles", "shoes", "songs"],
    "food": ["apples", "bread", "cake", "cheese", "nuts", "soup"],
    "road": ["over the bridge", "through the rain", "across the snow", "along the river", "up the mountain"],
}
PLOT = [
    ["{time} there lived {a_hero} called {name} {place}.",
     "{time}, {place}, lived {a_hero}, and {his} name was {name}."],
    ["More than anything else {name} wanted {treasure}.",
     "Every night {name} dreamed of {treasure}.",
     "But {name} had lost {treasure} and could not sleep."],
    ["So {he} packed some {food} and went {road}.",
     "One morning {he} ran {road}, with nothing but {food} in {his} bag.",
     "For {count} days {he} walked {road} and ate only {food}."],
    ["There {he} met {an_owner}.", "At the end of the road stood {an_owner}.",
     "Soon {he} came to the house of {an_owner}."],
    ['"Bring me {count} {thing}," said the {owner}, "and {treasure} shall be yours."',
     '"What will you give me?" asked the {owner}. "I have {count} {thing}," said {name}.',
     '"Who goes there?" cried the {owner}. "Only {name}, with {count} {thing}."'],
    ["{name} counted the {thing}: {counting}.", "So {name} looked for {thing} and found {counting}."],
    ['"That makes {count} {thing}," said the {mood} {owner}.',
     "The {owner} took all {count} {thing} and smiled.",
     "And the {owner}, who was {mood}, began to laugh."],
    ["That is how {name} got {treasure}.",
     "Then {he} went back {road}, and {treasure} went with {his} {food}.",
     "{name} the {animal} shared the {food} with the {owner}."],
    ["And they lived happily ever after.", "And {name} was never {temper} again.",
     "And if the {animal} has not moved, you will find {name} {place}."],
]


def fairy_tales(length, seed=0):
    """(at least `length` characters of tales, their entropy in nats for each character)."""
    rng, tales, nats, size = np.random.default_rng(seed), [], 0.0, 0
    while size < length:
        teller = Teller(rng)
        tales.append(teller.tale())
        nats += teller.nats
        size += len(tales[-1])
    return "".join(tales), nats / size


class Teller(dict):
    """Tells one tale. The dict maps each blank to its filling; `nats` is the entropy, Σ log(number of choices)."""

    def __init__(self, rng):
        super().__init__()
        self.rng, self.nats = rng, 0.0

    def pick(self, choices):
        self.nats += math.log(len(choices))
        return choices[self.rng.integers(len(choices))]

    def tale(self):
        return " ".join(self.pick(patterns).format_map(self) for patterns in PLOT) + "\n\n"

    def __missing__(self, blank):
        """`format_map` calls this for a blank that has no filling yet."""
        if blank in ("name", "he", "his"):
            self["name"], self["he"], self["his"] = self.pick(HEROES)
        elif blank == "count":
            self[blank] = self.pick(NUMBERS[1:])       # things are in the plural
        elif blank in BLANKS:
            self[blank] = self.pick(BLANKS[blank])
        else:
            return self.phrase(blank)
        return self[blank]

    def phrase(self, blank):
        """The filling of a blank that is put together from other blanks."""
        if blank == "counting":
            return ", ".join(NUMBERS[:NUMBERS.index(self["count"]) + 1])
        if blank == "a_hero":
            return f"a {self['temper']} {self['animal']}"
        return f"{'an' if self['mood'][0] in 'aeiou' else 'a'} {self['mood']} {self['owner']}"
