"""The explorer: one forward and one backward pass as a page that a browser opens, operator by operator."""
