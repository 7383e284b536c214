"""Tools that look inside a network: gradient checks, summary, profile, drawings of the graph."""
