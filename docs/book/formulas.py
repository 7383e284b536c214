"""Formulas, in blocks that begin with ```math, as MathML: browsers typeset it without scripts or fonts."""

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

HAT = re.compile(r"(\\hat\{\w\})(?=[_^])")             # tex2mathml would put an index under the letter, not beside it


def mathml(formula):
    return tex2mathml(HAT.sub(r"{\1{}}", formula), as_block=True)


def add_formula(writer, node):
    writer.body.append(f'<div class="formula">{mathml(node.astext())}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (None, None), (add_formula, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True}
