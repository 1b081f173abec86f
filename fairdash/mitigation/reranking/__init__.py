"""Methods that change the lists."""

from fairdash.mitigation.reranking import (
    calibrate,
    cp_fair,
    exposure_parity,
    fa_ir,
    fair_rec,
    p_mmf,
    threshold,
    user_parity,
    xquad,
)

METHODS = (
    calibrate.METHOD,
    user_parity.METHOD,
    threshold.METHOD,
    fa_ir.METHOD,
    exposure_parity.METHOD,
    cp_fair.METHOD,
    p_mmf.METHOD,
    fair_rec.METHOD,
    xquad.METHOD,
)
