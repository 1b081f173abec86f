"""A BERT of three layers, 32 wide, that knows a few words."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import BertConfig, BertModel, BertTokenizer

WORDS = (
    *("a", "person", "man", "woman", "age", "liked"),
    *("space", "battle", "love", "song", "sci", "fi", "war", "musical"),
)


def write(folder: Path) -> Path:
    """The folder, with the model and its tokenizer as `transformers` opens them."""
    folder.mkdir(exist_ok=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *".,:;-", *WORDS, "gender", "item", *map(str, range(60))]
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=96,
        initializer_range=0.2,  # as far from linear as a trained BERT
    )
    BertModel(config).save_pretrained(folder)
    return folder
