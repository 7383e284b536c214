"""The best epoch of a run, by the loss or the accuracy on the validation data."""

BEST = "best.safetensors"
MODEL = "model.safetensors"


def best_row(rows, by="accuracy"):
    """The row of metrics.csv with the highest validation accuracy, and among equal ones with the lowest loss.

    With `by` "loss", the loss alone decides: for texts, the accuracy of guessing the next character says little. None
    if nothing was measured.
    """
    measured = [row for row in rows if row.get("validation_loss") is not None]
    if by == "loss":
        return min(measured, key=lambda row: row["validation_loss"], default=None)
    return max(measured, key=lambda row: (row["validation_accuracy"], -row["validation_loss"]), default=None)


def epochs_since_best(rows, by="accuracy"):
    """How many epochs have passed since the best one."""
    best = best_row(rows, by)
    return 0 if best is None else rows[-1]["epoch"] - best["epoch"]
