"""A report on a trained network: how good it is on its test set, as a page to read and as pictures."""

from tinynet.report.outcome import Outcome, measure
from tinynet.report.page import write

__all__ = ["Outcome", "measure", "write"]
