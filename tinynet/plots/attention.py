"""Plots of attention: the gates of channels, and the weights with which places are mixed."""

import numpy as np

from tinynet.plots.figure import finished, numbers, panels, some_of


def gates(records, path=None):
    """The gate of each channel in each SEBlock: the mean over the images as a line, the range as a band.

    `records` is the result of `watch_gates`: {block's path: [gates (N, C) of each forward pass]}, in (0, 1). An array
    (N, C) may take the place of the list. ValueError for a block without gates.
    """
    some_of("gates", "block: [gates (N, C)]", records)
    fig, axes = panels(len(records), 3, 3.2, 2.2)
    for place, (name, passes) in zip(axes, records.items()):
        values = all_gates(name, passes)                                         # (images, C)
        channels = np.arange(values.shape[1])
        place.fill_between(channels, values.min(0), values.max(0), alpha=0.3, linewidth=0)
        place.plot(channels, values.mean(0), ".-", markersize=3, linewidth=0.8)
        place.set_title(name, fontsize="small")
        place.set_ylim(0, 1)
        place.grid(alpha=0.3)
    fig.supxlabel("channel", fontsize="medium")
    fig.supylabel("gate", fontsize="medium")
    return finished(fig, path)


def all_gates(name, passes):
    """The gates of all passes below one another, (images, C)."""
    if isinstance(passes, (list, tuple)):
        if not passes:
            raise ValueError(f"gates: {name}: expected gates (N, C), got none; run the model inside "
                             "watch_gates")
        passes = [numbers(f"gates: {name}", array, "gates (N, C)", 2) for array in passes]
        return np.concatenate(passes)
    return numbers(f"gates: {name}", passes, "gates (N, C)", 2)


def attention_maps(weights, path=None, tokens=None):
    """The attention weight of each query (down) for each key (across): dark is 0, light the largest of the map.

    `weights` is (L, S), or (heads, L, S) for a map each. `tokens` are the words at the keys, S of them, and
    at the queries too if L = S; a pair (queries, keys) of lists names both. ValueError for a batch of maps
    of several heads, (N, heads, L, S): choose a sequence, weights[0].
    """
    maps = numbers("attention_maps", weights, "(L, S) or (heads, L, S)", 2, 3)
    maps = maps[None] if maps.ndim == 2 else maps                                # (heads, L, S)
    queries, keys = token_names(tokens, *maps.shape[1:])
    size = min(max(2.4, 0.28 * max(maps.shape[1:])), 8)
    fig, axes = panels(len(maps), 4, size, size)
    for i, (place, one) in enumerate(zip(axes, maps)):
        place.imshow(one, cmap="viridis", vmin=0)
        place.set_xticks(range(len(keys)), keys, rotation=90, fontsize="small")
        place.set_yticks(range(len(queries)), queries, fontsize="small")
        if len(maps) > 1:
            place.set_title(f"head {i}", fontsize="small")
    fig.supxlabel("key", fontsize="medium")
    fig.supylabel("query", fontsize="medium")
    return finished(fig, path)


def token_names(tokens, l, s):
    """The labels of the queries and of the keys; empty lists if no tokens are given."""
    if tokens is None:
        return [], []
    pair = isinstance(tokens, tuple) and len(tokens) == 2 and not isinstance(tokens[0], str)
    queries, keys = tokens if pair else (tokens if l == s else [], tokens)
    if len(keys) != s or len(queries) not in (0, l):
        raise ValueError(f"attention_maps: expected {s} tokens for the keys (and {l} for the queries, in a "
                         f"pair), got {len(keys)}" + (f" and {len(queries)}" if pair else ""))
    return list(queries), list(keys)
