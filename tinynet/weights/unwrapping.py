"""Taking the weights out of other programs' checkpoints: under a key of their own, or with a prefix on every key."""

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")
PREFIXES = ("module.", "_orig_mod.", "model.")      # of DataParallel, torch.compile and Lightning


def unwrap(content, report=lambda what: None):
    """The `state_dict` in `content`, a dict of tensors or a checkpoint that holds one.

    The weights may be under the key "state_dict", "model_state_dict", "model", "net" or "weights". A prefix "module.",
    "_orig_mod." or "model." that all keys have is removed. `report` is called with a sentence about each change.
    TypeError for an object that is not a dict.
    """
    if not isinstance(content, dict):
        raise TypeError(f"unwrap: expected a dict of weights, got {type(content).__name__}")
    state, key = content, nested_key(content)
    while key is not None:
        report(f"the weights are under {key!r}")
        state = state[key]
        key = nested_key(state)
    while (prefix := shared_prefix(state)) is not None:
        report(f"all keys have the prefix {prefix!r}")
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def nested_key(content):
    """The key under which the dict holds its weights; None if there is no such key."""
    return next((key for key in WRAPPERS if isinstance(content.get(key), dict)), None)


def shared_prefix(state):
    """The one of `PREFIXES` that all keys have; None if they have none."""
    return next((prefix for prefix in PREFIXES if state and all(
        isinstance(key, str) and key.startswith(prefix) for key in state)), None)
