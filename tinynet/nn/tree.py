"""A module as a tree that folds, for notebooks."""

import html


def html_tree(module, name=""):
    """The modules inside as a tree that folds, with the shapes and counts of their parameters."""
    title = f"{name}: " if name else ""
    count = sum(p.numel() for p in module.parameters())
    call = html.escape(f"{title}{type(module).__name__}({module.extra_repr()})")
    head = f"{call} <small>{count:,} parameters</small>"
    own = "".join(f"<li>{html.escape(key)} <small>{tuple(p.shape)}</small></li>"
                  for key, p in module.named_parameters(recurse=False))
    inside = "".join(f"<li>{html_tree(child, key)}</li>" for key, child in module.named_children())
    if not own and not inside:
        return head
    return f"<details{' open' if not name else ''}><summary>{head}</summary><ul>{own}{inside}</ul></details>"
