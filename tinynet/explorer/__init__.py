"""The explorer: a page for a browser that shows one forward and one backward pass, operator by operator."""
