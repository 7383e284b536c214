"""A report on a trained network: its results on the test set, as a page and as images."""

from tinynet.report.outcome import Outcome, measure
from tinynet.report.page import write

__all__ = ["Outcome", "measure", "write"]
