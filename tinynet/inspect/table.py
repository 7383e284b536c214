"""Tables of text, and large numbers in three digits."""


def table(heads, rows):
    """Lines of aligned columns; the first stands to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows)]
    lines = []
    for first, *others in (heads, *rows):
        aligned = [cell.rjust(width) for cell, width in zip(others, widths[1:])]
        lines.append("  ".join([first.ljust(widths[0]), *aligned]))
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def amount(number, unit=""):
    """1.81 G, 5.90 kB, 640: a number in units of a thousand, a million or a billion."""
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:.2f} {prefix}{unit}"
    return f"{number} {unit}".rstrip()
