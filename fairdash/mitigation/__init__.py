"""The catalogue of mitigations, in the order in which they act: data, training, vectors, re-ranking."""

from __future__ import annotations

from fairdash.mitigation.base import Method
from fairdash.mitigation.reranking import calibrate, cp_fair, exposure_parity, fa_ir, fair_rec, user_parity, xquad

METHODS: dict[str, Method] = {
    method.info.key: method
    for method in (
        calibrate.METHOD,
        user_parity.METHOD,
        fa_ir.METHOD,
        exposure_parity.METHOD,
        cp_fair.METHOD,
        fair_rec.METHOD,
        xquad.METHOD,
    )
}
