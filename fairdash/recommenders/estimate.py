"""What a training asks for in time and memory, before it starts and before torch is loaded."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import psutil

from fairdash import words
from fairdash.recommenders.base import Cost
from fairdash.recommenders.device import Device

# Part of the speed of large float32 matrix products that whole training steps reach, measured on two CPU cores; where a
# CPU has bfloat16 instructions a step takes about half of the time.
EFFICIENCY, BF16_GAIN = 0.4, 2.0
MEASURED_SECONDS = 0.05  # several turns of the scheduler; a page waits for it once a minute
GPU_SPEED = 1e13  # operations a second that small models reach on a data-centre GPU: a guess, nothing is measured there


@dataclass(frozen=True)
class Estimate:
    """seconds: of the whole training at most (early stopping may end it sooner). bytes: of memory. sentence: both in
    words, with a warning where the memory does not suffice."""

    seconds: float
    bytes: float
    sentence: str


def estimate(cost: Cost, device: Device) -> Estimate:
    """Time and memory of a training. On a CPU from a measurement of its speed (some hundredths of a second), as busy as
    it is; on a GPU a guess, and the sentence says so."""
    on_cpu = device.kind == "cpu"
    speed = GPU_SPEED
    if on_cpu:
        speed = _cpu_speed(int(time.monotonic() // 60)) * EFFICIENCY * (BF16_GAIN if device.bf16 else 1.0)
    seconds = cost.flops / speed
    time_said = (
        words.say("{n} second", "{n} seconds", n=round(seconds))
        if seconds < 90
        else words.say("{n} minute", "{n} minutes", n=round(seconds / 60))
    )
    told = (
        words.later("At most about {time} and {memory} GB of memory.")
        if on_cpu
        else words.later("A guess, since a GPU's speed is not measured here: at most {time} and {memory} GB of memory.")
    )
    said = []
    if cost.flops:
        said.append(words.say(told, time=time_said, memory=words.number(cost.bytes / 2**30, 1)))
    said += of_tokens(cost.tokens, cost.price)
    if cost.later:
        told = words.say(
            "Beside it, an audit of what the model does has more to ask for each attribute of the profile."
        )
        said += [told, *of_tokens(cost.later, cost.later_price)]
    room = float(psutil.virtual_memory().available)
    if on_cpu and cost.bytes > room:
        said.append(
            words.say(
                "This machine has {memory} GB: choose a smaller model or batch.", memory=words.number(room / 2**30, 1)
            )
        )
    return Estimate(seconds, cost.bytes, words.together(*said))


def of_tokens(tokens: float, price: float) -> list[str]:
    """Sentences about tokens that a language model reads or writes, and their price; none about nothing."""
    said = []
    if tokens:
        n = int(round(tokens, -3)) or round(tokens)
        said.append(words.say("{n} token is read or written.", "{n} tokens are read or written.", n=n))
    if price:
        said.append(words.say("They cost about {price} at the price that was given.", price=words.number(price, 2)))
    return said


@lru_cache(maxsize=1)
def _cpu_speed(minute: int) -> float:
    """Floating-point operations a second in float32 matrix products, over a while, so that what else the machine does
    counts as it will in the training. minute: it is measured again in another one."""
    size, done = 512, 0
    one = np.ones((size, size), np.float32)
    one @ one  # warms up
    start = time.perf_counter()
    while (spent := time.perf_counter() - start) < MEASURED_SECONDS:
        one @ one
        done += 1
    return 2.0 * size**3 * done / spent
