"""How the work of convolutions is cut: tiles for a shape, chunks for the threads, groups for sums. By shape alone."""

import functools
from typing import NamedTuple

import numpy as np

from tinynet.kernels.machine.chunks import CHUNKS, SERIAL_WORK

GROUPS_OF_IMAGES = 8            # partial sums of a weight gradient


class Tile(NamedTuple):
    """A register tile of `simd.py`."""

    kind: int                   # its number in the table
    m: int                      # pixels of a window tile, input channels of an outer tile
    taps: int                   # taps of a kernel row that it takes at once
    lanes: int                  # output channels: one or two vectors of them, a panel


class Grid(NamedTuple):
    """Chunks of work: groups of units (images, or bands of them) times parts of the panels."""

    borders: np.ndarray         # group g is the units borders[g]..borders[g + 1]
    parts: int                  # how many parts the panels are in
    part: int                   # panels in a part; the last one may have fewer
    panels: int

    @property
    def chunks(self):
        return (len(self.borders) - 1) * self.parts


def images_in_group(n):
    """How many of n images share a partial sum of a weight gradient."""
    return max(1, -(-n // GROUPS_OF_IMAGES))


@functools.cache
def pick(table, extent, form):
    """The tile of this form, (T, ...), that covers `extent` with the least waste: its number and its M."""
    fitting = [(number, entry[0]) for number, entry in enumerate(table) if entry[1:] == form]
    return min(fitting, key=lambda tile: cost(extent, tile[1]))


def cost(extent, m):
    """What tiles of M need for `extent`, in steps for one pixel or channel; each tile costs one step of its own."""
    return -(-extent // m) * (m + 1)


def cut_units(units, panels, work, together=1):
    """The grid for some work, which counts multiply-adds. Tiny work is one chunk.

    Else the units come in groups of at least `together`. Where there are fewer groups than chunks are wanted, the
    panels are cut, too.
    """
    if work < SERIAL_WORK:
        return Grid(np.array(borders(units, max(1, units), max(1, units))), 1, panels, panels)
    group = max(-(-units // CHUNKS), together)
    part = -(-panels * min(-(-units // group), CHUNKS) // CHUNKS)
    return Grid(np.array(borders(units, group, together)), -(-panels // part), part, panels)


def cut_panels(units, panels, work):
    """A grid whose chunks are single panels: for results that have to be summed over the groups of units."""
    if work < SERIAL_WORK:
        return Grid(np.array(borders(units, max(1, units), max(1, units))), 1, panels, panels)
    group = -(-units // max(1, CHUNKS // panels))
    return Grid(np.array(borders(units, group, 1)), panels, 1, panels)


def borders(units, group, least):
    """0, ..., units: steps of `group`; of half as much in the last quarter, of a quarter in the last eighth.

    The last groups are smaller, so that all threads finish at about the same time.
    """
    steps = [0]
    while steps[-1] < units:
        left = units - steps[-1]
        cuts = 4 if 8 * left <= units else 2 if 4 * left <= units else 1
        steps.append(min(units, steps[-1] + max(least, -(-group // cuts))))
    return steps
