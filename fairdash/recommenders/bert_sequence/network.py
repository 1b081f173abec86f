"""`bert_sequence`: a transformer that reads a person's items in order and says what comes next.

Shapes: b people in a batch, n positions, d width, m items of the catalogue, w width of the text encoder.

Position 0 is the person: the profile text's vector, or a learned one where no profile is used. Positions 1…n-1 are
items, oldest first. An item's vector is its text's vector (title and categories through a frozen pretrained BERT,
projected to d) plus a learned vector of its own. The output at the last position is the user vector; an item's score
is its product with the item's vector, plus the item's bias. So an item nobody has seen yet is scored by its text.

architecture = bert (default) reads them with a BertModel, which transformers opens from the saved folder by itself,
gated with `GatedEncoder`.

causal (default): every position predicts a coming item (SASRec's task, Kang & McAuley 2018, with the softmax of
Klenitskiy & Vasilev 2023). masked: hidden items are predicted from both sides (BERT4Rec, Sun et
al. 2019); then the user vector is the output at a mask behind the last item.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from transformers import BertConfig, BertModel

from fairdash.recommenders.bert_sequence import SequenceOptions, negatives_of
from fairdash.recommenders.bert_sequence.gated import GatedEncoder
from fairdash.recommenders.bert_sequence.softmax import softmax_loss
from fairdash.recommenders.device import Device
from fairdash.recommenders.training import Output

PAD, MASK, FIRST_ITEM = 0, 1, 2  # word ids of the saved BertModel: item code c is word c + FIRST_ITEM
TYPES = 8  # token types: 0 for the person and where no rating is known, 1…7 how an item was rated


class SequenceModel(nn.Module):
    """The encoder, the item vectors and the loss. texts: [m, w] standardised text vectors; profiles: [p, w]."""

    texts: torch.Tensor
    profiles: torch.Tensor

    def __init__(self, options: SequenceOptions, texts: torch.Tensor, profiles: torch.Tensor, device: Device) -> None:
        super().__init__()
        self.options = options
        m, w = texts.shape
        d = options.width
        # a CPU's fused attention kernel is three times slower in bfloat16 than plain products at these lengths
        fused = device.kind != "cpu" or not device.bf16
        self.bert: BertModel | None = None
        self.gated: GatedEncoder | None = None
        if options.architecture == "bert":
            self.bert = _bert(options, "sdpa" if fused else "eager")
        else:
            self.gated = GatedEncoder(
                width=d,
                layers=options.layers,
                heads=options.heads,
                length=options.length + 1,
                types=TYPES,
                causal=options.objective == "causal",
                dropout=options.dropout,
                fused=fused,
            )
        self.register_buffer("texts", texts, persistent=False)
        self.register_buffer("profiles", profiles, persistent=False)
        self.text_map = nn.Linear(w, d, bias=False) if options.items != "id" else None
        self.ids = nn.Parameter(torch.randn(m, d) * 0.02) if options.items != "text" else None
        self.bias = nn.Parameter(torch.zeros(m))
        self.person = nn.Parameter(torch.randn(d) * 0.02)
        self.profile_map = nn.Linear(w, d, bias=False) if len(profiles) else None
        for layer in (self.text_map, self.profile_map):
            if layer is not None:
                nn.init.normal_(layer.weight, std=0.02 / w**0.5)

    def item_vectors(self) -> torch.Tensor:
        """[m, d]"""
        parts = []
        if self.text_map is not None:
            parts.append(self.text_map(self.texts))
        if self.ids is not None:
            parts.append(self.ids)
        return torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]

    def encode(
        self,
        vectors: torch.Tensor,  # [m, d] of all items
        items: torch.Tensor,  # int64 [b, n - 1], -1 behind the end
        types: torch.Tensor,  # int64 [b, n - 1]
        profile: torch.Tensor,  # [b, w] text vectors, or [b, 0] without profile
        masked: torch.Tensor | None = None,  # bool [b, n - 1]: hidden items
    ) -> torch.Tensor:
        """Outputs [b, n, d] of the encoder over the person and the items."""
        inputs = functional.embedding(items.clamp(min=0), vectors)
        if masked is not None:
            inputs = torch.where(masked[..., None], self._mask().to(inputs.dtype), inputs)
            types = types.masked_fill(masked, 0)
        person = self.person.expand(len(items), -1)
        if self.profile_map is not None:
            person = person + self.profile_map(profile)
        inputs = torch.cat([person[:, None].to(inputs.dtype), inputs], dim=1)  # [b, n, d]
        types = functional.pad(types, (1, 0))
        real = None  # causal: what is padded lies behind every real position, so none need be told
        if self.options.objective == "masked":
            real = functional.pad(items >= 0, (1, 0), value=True)
        if self.gated is not None:
            result: torch.Tensor = self.gated(inputs, types, real)
            return result
        assert self.bert is not None
        out = self.bert(inputs_embeds=inputs, token_type_ids=types, attention_mask=real, use_cache=False)
        result = out.last_hidden_state
        return result

    def _mask(self) -> torch.Tensor:
        """The vector [d] of a hidden item."""
        if self.bert is not None:
            vector: torch.Tensor = self.bert.embeddings.word_embeddings.weight[MASK]
            return vector
        assert self.gated is not None
        assert self.gated.mask is not None
        return self.gated.mask

    def forward(
        self,
        users: torch.Tensor,  # int64 [b]
        items: torch.Tensor,  # int64 [b, n - 1]
        types: torch.Tensor,
        targets: torch.Tensor,  # int64 [b, n]: the item that the position predicts; -1 for none
        weights: torch.Tensor,  # float32 [b, n]: of that prediction in the loss, 0 for none
        profile: torch.Tensor,  # int64 [b]: row of `profiles`
    ) -> Output:
        """The loss of a batch, with what terms of the loss look at."""
        vectors = self.item_vectors()
        masked = None
        if self.options.objective == "masked":
            masked = targets[:, 1:] >= 0
        texts = self.profiles[profile] if len(self.profiles) else self.profiles.new_zeros(len(users), 0)
        hidden = self.encode(vectors, items, types, texts, masked)  # [b, n, d]
        rows, columns = (targets >= 0).nonzero(as_tuple=True)  # [t] predictions
        negatives = negatives_of(self.options, len(vectors))
        loss = softmax_loss(hidden[rows, columns], vectors, self.bias, targets[rows, columns], negatives)
        weight = weights[rows, columns]
        own = torch.zeros(len(users), device=loss.device).index_add(0, rows, loss * weight)
        total = torch.zeros(len(users), device=loss.device).index_add(0, rows, weight)
        last = (targets >= 0).long().mul(torch.arange(targets.shape[1], device=loss.device)).argmax(1)  # [b]
        at = torch.arange(len(users), device=loss.device)
        final = torch.zeros(targets.shape, dtype=torch.int64, device=loss.device)
        final[rows, columns] = torch.arange(len(rows), device=loss.device)
        return Output(
            loss=own.sum() / total.sum().clamp(min=1e-6),
            users=users,
            vectors=hidden[at, last],
            sample_loss=own / total.clamp(min=1e-6),
            items=targets[at, last],
            target_score=-loss[final[at, last]],
            weight=total,
        )


def _bert(options: SequenceOptions, attention: str) -> BertModel:
    bert = BertModel(
        BertConfig(
            vocab_size=FIRST_ITEM,  # item vectors come from outside; a saved folder holds them as words
            hidden_size=options.width,
            num_hidden_layers=options.layers,
            num_attention_heads=options.heads,
            intermediate_size=4 * options.width,
            max_position_embeddings=options.length + 2,
            type_vocab_size=TYPES,
            hidden_dropout_prob=options.dropout,
            attention_probs_dropout_prob=0.0,  # keeps the fast attention kernels on a CPU
            is_decoder=options.objective == "causal",
            pad_token_id=PAD,
        ),
        add_pooling_layer=False,
    )
    bert.set_attn_implementation(attention)
    return bert
