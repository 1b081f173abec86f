"""Methods that change the loss."""

from fairdash.mitigation.training import adversarial, fair_loss, group_dro, neutral

METHODS = (
    adversarial.METHOD,
    fair_loss.METHOD,
    *fair_loss.PREDICTION_METHODS,
    neutral.METHOD,
    group_dro.METHOD,
)
