"""Methods that change what is trained on."""

from fairdash.mitigation.data import blind, counterfactual_augment, resample, reweigh

METHODS = (
    blind.METHOD,
    reweigh.METHOD,
    reweigh.CATEGORY_METHOD,
    resample.METHOD,
    counterfactual_augment.METHOD,
)
