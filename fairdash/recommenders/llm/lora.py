"""Fine-tuning a language model by LoRA (Hu et al. 2022) on “who somebody is and what they liked → the next title”.

Only low-rank matrices beside the linear layers are learned; they are the arrays of the saved recommender, and are added
to the model's own weights when it is opened.
"""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from fairdash import words
from fairdash.errors import ConfigError, ModelError
from fairdash.hashing import digest
from fairdash.progress import Progress
from fairdash.recommenders.llm.reading import Reader
from fairdash.workspace import aside

Arrays = Mapping[str, NDArray[Any]]
# one example or more that belong together, each a prompt and the title that followed
Draw = Callable[[np.random.Generator], list[tuple[str, str]]]
CHECKPOINT = "lora.safetensors"
EVERY = 10  # steps between checkpoints
CLIP = 1.0  # of the gradient's norm
DECAY = 0.01


def _wrapped(model: Any, rank: int) -> Any:
    """The model with matrices of that rank beside its linear layers, which do nothing yet."""
    if importlib.util.find_spec("peft") is None:
        raise ConfigError(
            words.say("Fine-tuning a language model needs the package peft, which is not installed."),
            words.say("Run {command}.", command="`pip install 'fairdash[llm]'`"),
        )
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by an old name
        return get_peft_model(model, config)


def _learned(model: Any) -> dict[str, torch.nn.Parameter]:
    return {name: part for name, part in model.named_parameters() if part.requires_grad}


def tune(
    reader: Reader,
    draw: Draw,
    *,
    rank: int,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
    of: str,
    folder: Path,
    progress: Progress,
) -> Arrays:
    """Train, and leave the reader's model with what was learned in its weights; gives the learned matrices.

    draw: gives an example, perhaps with its twin. The loss is the mean negative log-probability of the titles' tokens;
    AdamW, with a rate that falls to 0 in a line. Step i draws by (seed, i), so that a training that was stopped goes on
    from its checkpoint in `folder` as if it had not been; of: names all else that the training hangs on (the model, and
    what `draw` draws from), so that none goes on from another one's checkpoint. Raises ModelError where the loss is no
    number or the tokenizer has no end, and ConfigError where an example is longer than the model reads: that is seen
    before the first step, and not after hours.
    """
    if reader.tokenizer.eos_token_id is None:
        raise ModelError(
            words.say("The tokenizer of this language model has no end token, so no end of a title can be learned."),
            words.say("Choose another model, or set lora_steps to 0."),
        )

    def drawn(step: int) -> list[tuple[str, str]]:
        rng = np.random.default_rng([seed, step])
        return [one for _ in range(batch) for one in draw(rng)]

    torch.manual_seed(seed)
    model = _wrapped(reader.model, rank)
    named = _learned(model)
    optimizer = torch.optim.AdamW(named.values(), learning_rate, weight_decay=DECAY)
    training = digest(of, rank, steps, batch, learning_rate, seed)
    start = _resume(folder / CHECKPOINT, named, optimizer, training)
    for step in range(start, steps):
        for one in drawn(step):
            reader.check(sum(map(len, _tokens(reader, *one))))
        if step % EVERY == 0:
            progress(start / steps, words.say("Examples of step {done} of {all} are read", done=step + 1, all=steps))
    model.train()
    for step in range(start, steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * (1 - step / steps)
        loss = _loss(model, reader, drawn(step))
        if not bool(torch.isfinite(loss)):
            raise ModelError(
                words.say("The loss of step {n} is no number.", n=step + 1), words.say("Choose a lower learning rate.")
            )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(named.values(), CLIP)
        optimizer.step()
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            _keep(folder / CHECKPOINT, named, optimizer, {"training": training, "done": step + 1})
        said = words.say("Step {done} of {all}", done=step + 1, all=steps)
        progress((step + 1) / steps, said, {"loss": float(loss.detach())})
    learned = {name: part.detach().float().cpu().numpy() for name, part in named.items()}
    reader.model = model.merge_and_unload().eval()
    return learned


def applied(reader: Reader, rank: int, learned: Arrays) -> None:
    """Add what was learned to the reader's weights. Raises ModelError where it is of another model."""
    model = _wrapped(reader.model, rank)
    named = _learned(model)
    if {name: tuple(part.shape) for name, part in named.items()} != {name: a.shape for name, a in learned.items()}:
        raise ModelError(
            words.say("What was learned does not fit this language model."), words.say("Make the recommender anew.")
        )
    with torch.no_grad():
        for name, part in named.items():
            part.copy_(torch.from_numpy(learned[name]))
    reader.model = model.merge_and_unload().eval()


def _tokens(reader: Reader, prompt: str, title: str) -> tuple[list[int], list[int]]:
    """Of what is asked, and of what is learned behind it."""
    return reader.ids(reader.chat(prompt)), [*(reader.ids(title) or reader.ids("?")), reader.tokenizer.eos_token_id]


def _loss(model: Any, reader: Reader, examples: list[tuple[str, str]]) -> torch.Tensor:
    tokens = [_tokens(reader, *one) for one in examples]
    longest = max(len(a) + len(t) for a, t in tokens)
    ids = torch.zeros((len(examples), longest), dtype=torch.int64)
    labels = torch.full_like(ids, -100)  # what the loss passes over
    for row, (a, t) in enumerate(tokens):
        ids[row, : len(a) + len(t)] = torch.tensor([*a, *t])
        labels[row, len(a) : len(a) + len(t)] = torch.tensor(t)
    to = reader.device.torch
    labels = labels[:, 1:]
    read = (labels >= 0).any(0).nonzero()[:, 0]  # places before a title's tokens; no others need a word's probability
    few = {"logits_to_keep": read.to(to)} if reader.last else {}
    with reader.device.autocast():  # what is padded stands behind, where nothing that counts reads it
        logits = model(input_ids=ids.to(to), use_cache=False, **few).logits
    if not few:
        logits = logits[:, read]
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), labels[:, read].flatten().to(to))


def _keep(file: Path, named: Mapping[str, torch.nn.Parameter], optimizer: Any, told: Mapping[str, Any]) -> None:
    tensors: dict[str, torch.Tensor] = {}
    for name, part in named.items():
        state = optimizer.state[part]
        tensors |= {name: part.detach(), f"{name}:m": state["exp_avg"], f"{name}:v": state["exp_avg_sq"]}
    partial = aside(file)
    save_file(
        {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}, partial, {"told": json.dumps(told)}
    )
    partial.replace(file)


def _resume(file: Path, named: Mapping[str, torch.nn.Parameter], optimizer: Any, training: str) -> int:
    """The step from which to go on: that of the checkpoint of this very training, else 0."""
    if not file.is_file():
        return 0
    try:
        with safe_open(file, framework="pt") as stored:
            told = json.loads(stored.metadata()["told"])
            if told.get("training") != training:
                return 0
            done = int(told["done"])
            for name, part in named.items():
                with torch.no_grad():
                    part.copy_(stored.get_tensor(name))
                optimizer.state[part] = {
                    "step": torch.tensor(float(done)),
                    "exp_avg": stored.get_tensor(f"{name}:m").to(part.device),
                    "exp_avg_sq": stored.get_tensor(f"{name}:v").to(part.device),
                }
            return done
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError):
        return 0
