"""Looking inside: proving gradients, measuring speed."""
