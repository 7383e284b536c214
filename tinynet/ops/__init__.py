"""The differentiable operators: each a small Function class, forward with its backward right under it."""
