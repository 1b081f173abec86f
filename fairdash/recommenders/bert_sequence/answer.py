"""Answers as the run does: python answer.py '{"history": ["ITEM", {"itemId": "ITEM", "eventValue": 4}], "profile": {}}'

It needs torch, transformers and numpy alone; files: `answer.json`, `model`, and `encoder` where a profile is read.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file  # comes with transformers
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerFast

HERE = Path(__file__).parent
ABOUT, ARRAYS = json.loads((HERE / "answer.json").read_text("utf-8")), load_file(HERE / "model" / "answer.safetensors")
BERT = AutoModel.from_pretrained(HERE / "model", add_pooling_layer=False).eval()
ITEMS = sorted(
    (word, item) for item, word in PreTrainedTokenizerFast.from_pretrained(HERE / "model").get_vocab().items()
)
WORDS = {item: word for word, item in ITEMS[2:]}  # before the items: nothing, and a hidden one
ENCODER = [one.from_pretrained(HERE / "encoder") for one in (AutoModel, AutoTokenizer) if ABOUT["attributes"]]


def person(profile: dict[str, Any]) -> torch.Tensor:
    """The vector [d] of somebody of whom this is told."""
    if not ABOUT["attributes"]:
        return ARRAYS["person"]
    told = {name: str(profile[name]) for name in ABOUT["attributes"] if profile.get(name) is not None}
    facts = [ABOUT["facts"][name].get(value, f"{name.replace('_', ' ')} {value}") for name, value in told.items()]
    encoder, tokens = ENCODER
    text = tokens(f"A person: {'; '.join(facts)}." if facts else "A person.", truncation=True, max_length=128,
                  return_tensors="pt")  # fmt: skip
    with torch.autocast("cpu", torch.bfloat16, enabled=ABOUT["bf16"]):
        hidden = encoder.eval()(**text).last_hidden_state[0].float()
    mean = torch.nn.functional.normalize(hidden.mean(0), dim=0)
    moved: torch.Tensor = ARRAYS["profile_map"] @ ((mean - ARRAYS["text_mean"]) / ABOUT["text_scale"])
    return ARRAYS["person"] + moved


@torch.inference_mode()
def answer(history: list[Any], profile: dict[str, Any] | None = None, k: int = 10) -> list[str]:
    """The k best items for somebody with that history, oldest first."""
    past = [one if isinstance(one, dict) else {"itemId": one} for one in history]
    seen = [WORDS[str(one["itemId"])] for one in past]
    rated = [ABOUT["liked"] if one.get("eventValue") is None else one["eventValue"] for one in past]
    levels = ARRAYS["levels"].numpy()
    types = np.searchsorted(levels, np.array(rated, np.float32)) + 1 if len(levels) else np.zeros(len(seen), int)
    hidden = [1] if ABOUT["masked"] else []  # the list is what is hidden behind the last item
    words, kinds = (seen[-ABOUT["room"] :] + hidden), [0, *types[-ABOUT["room"] :].astype(int), *(0 for _ in hidden)]
    table = BERT.embeddings.word_embeddings.weight
    inputs = torch.cat([person(profile or {})[None], table[torch.tensor(words, dtype=torch.long)]])[None]
    out = BERT(inputs_embeds=inputs, token_type_ids=torch.tensor([kinds]), use_cache=False).last_hidden_state[0, -1]
    out = ARRAYS["turn"] @ out if "turn" in ARRAYS else out
    scores = (table[2:] @ out + ARRAYS["bias"]).numpy()
    scores[[word - 2 for word in seen]] = -np.inf
    best = np.argsort(-scores, kind="stable")[:k]  # of equal scores the earlier word first, as in the run
    return [ITEMS[2 + item][1] for item in best if np.isfinite(scores[item])]


if __name__ == "__main__":
    try:
        print(json.dumps(answer(**json.loads(sys.argv[1])), ensure_ascii=False))
    except (IndexError, KeyError, TypeError, ValueError) as error:
        sys.exit(
            f"""Give JSON such as '{{"history": ["{ITEMS[2][1]}"], "k": 3}}', of items of this model ({error!r})."""
        )
