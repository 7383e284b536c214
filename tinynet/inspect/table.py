"""Tables of text, and large numbers in three digits."""


def table(heads, rows, gap=2):
    """Lines of columns, `gap` spaces apart; the first column is aligned to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows)]
    lines = []
    for first, *others in (heads, *rows):
        aligned = [cell.rjust(width) for cell, width in zip(others, widths[1:])]
        lines.append((" " * gap).join([first.ljust(widths[0]), *aligned]))
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def amount(number, unit="", short=False):
    """1.81 G, 5.90 kB, 640: a number in units of a thousand, a million or a billion; `short`: 1.8G, 5.9k."""
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor and short:
            return f"{number / factor:.{0 if number >= 100 * factor else 1}f}{prefix}"
        if number >= factor:
            return f"{number / factor:.2f} {prefix}{unit}"
    if short:
        return str(number)
    return f"{number} {unit}".rstrip()
