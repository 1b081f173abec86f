"""The only place where models are read and written: safetensors and json, checked before anything is built.

A saved recommender is a folder with `fairdash.json` (name, format, options), `fairdash.safetensors` (its arrays) and,
where it has a BERT, that model in the form that `transformers.AutoModel.from_pretrained(folder)` opens by itself.
Nothing here unpickles what a person brings.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import shutil
import socket
import stat
import zipfile
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from fairdash import settings, words
from fairdash.errors import ModelError, full
from fairdash.recommenders import RECOMMENDERS, content, place_of, taking
from fairdash.recommenders.base import Fitted
from fairdash.recommenders.options import Brought
from fairdash.words import Said
from fairdash.workspace import aside, leaves

FORMAT = 1
MANIFEST, ARRAYS = "fairdash.json", "fairdash.safetensors"
MAX_JSON_BYTES = 64 << 20
MAX_HEADER_BYTES = 16 << 20  # of a safetensors file: names and shapes, read before any number
# Upper bounds for the numbers in a config.json: a file of some bytes must not ask for terabytes of memory.
BOUNDS = {
    "hidden_size": 8192,
    "num_hidden_layers": 96,
    "num_attention_heads": 128,
    "intermediate_size": 32768,
    "max_position_embeddings": 131072,
    "vocab_size": 1_000_000,
    "type_vocab_size": 1024,
    "n_embd": 8192,
    "n_layer": 96,
    "n_head": 128,
    "n_positions": 131072,
    **dict.fromkeys(("dim", "d_model", "embedding_size", "pooler_hidden_size", "head_dim"), 8192),
    **dict.fromkeys(("hidden_dim", "d_ff", "n_inner", "moe_intermediate_size"), 65536),
    **dict.fromkeys(("n_layers", "num_layers", "num_hidden_groups", "inner_group_num"), 96),
    **dict.fromkeys(("n_heads", "num_heads", "num_key_value_heads"), 128),
    **dict.fromkeys(("num_labels", "num_experts", "num_local_experts", "n_routed_experts"), 10_000),
}
FRESH = 64_000_000  # numbers of a head that fine-tuning may start anew
MAX_NUMBER = 10_000_000  # any other whole number of a config
MAX_SINES = 1 << 24  # positions × width that are computed one by one where positions are sines
MAX_DEPTH = 32  # folders within each other in an archive
TYPES = ("float32", "float16", "bfloat16", "float64", "auto")
ENCODERS = ("bert", "roberta", "xlm-roberta", "distilbert", "electra", "mpnet", "albert", "camembert", "deberta-v2")
VISION = (
    *("vit", "deit", "beit", "swin", "swinv2", "dinov2", "convnext", "convnextv2", "resnet", "regnet", "efficientnet"),
    *("mobilenet_v1", "mobilenet_v2", "mobilevit", "clip", "clip_vision_model", "siglip", "siglip_vision_model"),
)
SPEAKING = ("ForCausalLM", "LMHeadModel")  # how architectures are called that write texts
HEADS = ("pooler.", "bert.pooler.", "classifier.", "score.")  # parts that fine-tuning may start anew
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack", ".joblib")


def write(folder: Path, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a recommender's own part; the manifest comes last, so that a folder with one is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / ARRAYS)
    partial = aside(folder / MANIFEST)
    partial.write_text(json.dumps({"format": FORMAT, **manifest}, indent=1))
    partial.replace(folder / MANIFEST)


def save(fitted: Fitted, folder: Path) -> None:
    """Save any recommender."""
    fitted.save(folder)


def load(folder: Path) -> Fitted:
    """The recommender that `save` wrote into `folder`.

    Raises ModelError where the folder is none of ours, was written by a newer version, or does not hold together.
    """
    manifest = read_json(folder / MANIFEST, "It is not a recommender that FairDash saved.")
    name = manifest.get("name")
    if manifest.get("format") != FORMAT or name not in RECOMMENDERS:
        raise ModelError(
            words.say(
                "{name} holds a recommender {name_2} of format {manifest}, which is unknown here.",
                name=folder.name,
                name_2=repr(name),
                manifest=repr(manifest.get("format")),
            ),
            "Open it with the version of FairDash, and the plugins, that saved it.",
        )
    arrays = read_arrays(folder / ARRAYS)
    module = importlib.import_module(RECOMMENDERS[name].module)
    try:
        fitted: Fitted = module.load(folder, manifest, arrays)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ModelError(
            words.say(
                "The parts of the recommender in {name} do not fit together: {error}.", name=folder.name, error=error
            ),
            "Save it again, or train it anew.",
        ) from error
    return fitted


def locate(source: str, work: Path) -> Path:
    """The folder of a saved recommender: that folder itself, a run's folder that holds it, or a zip of either, which is
    unpacked below `work`. Raises ModelError where there is none."""
    path = Path(source).expanduser()
    if path.is_file():
        path = unpack(path, work / content(path))
    for folder in (path, path / "model"):
        if (folder / MANIFEST).is_file():
            return folder
    if (path / "config.json").is_file():
        takers = taking("encoder", "bert").items()
        named = " or ".join(f"the option {spec.name} of {name}" for name, specs in takers for spec in specs)
        message = words.say("{source} is a language model, not a recommender that FairDash saved.", source=source)
        raise ModelError(message, words.say("Give it as {named}.", named=named))
    raise ModelError(
        words.say("There is no saved recommender in {source}.", source=repr(source)),
        "Give a run's folder, a model's folder or its zip.",
    )


def read_json(path: Path, hint: Said) -> dict[str, Any]:
    """A small json object. Raises ModelError where it is missing, too large or none."""
    if not path.is_file():
        raise ModelError(words.say("{name} has no file {name_2}.", name=path.parent.name, name_2=path.name), hint)
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ModelError(
            words.say("{name} is too large ({st_size} bytes).", name=path.name, st_size=path.stat().st_size), hint
        )
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ModelError(words.say("{name} is no valid json: {error}.", name=path.name, error=error), hint) from None
    if not isinstance(value, dict):
        raise ModelError(words.say("{name} must hold a json object.", name=path.name), hint)
    return value


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of a safetensors file. Raises ModelError where it is missing or damaged."""
    if not path.is_file():
        raise ModelError(
            words.say("{name} has no file {name_2}.", name=path.parent.name, name_2=path.name),
            "The folder is incomplete: copy it again.",
        )
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if header > MAX_HEADER_BYTES:
        raise ModelError(
            words.say(
                "{name} is damaged or no safetensors file: its header is too large ({header} bytes).",
                name=path.name,
                header=header,
            ),
            "Copy it again, or save it anew.",
        )
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    except (SafetensorError, TypeError, OSError) as error:
        raise ModelError(
            words.say("{name} is damaged or no safetensors file: {error}.", name=path.name, error=error),
            "Copy it again.",
        ) from None


def check_pretrained(folder: Path, kinds: Collection[str] | None = ENCODERS) -> dict[str, Any]:
    """The config of a HuggingFace model folder, after checks that read only its json and file names.

    kinds: of models that will do; None: whatever transformers knows. Raises ModelError for pickled weights alone, for a
    model of another kind, and for sizes out of bounds.
    """
    config = read_json(folder / "config.json", "Bring a folder with config.json, model.safetensors and a tokenizer.")
    names = [path.name for path in folder.iterdir()]
    if not any(name.endswith(".safetensors") for name in names):
        pickles = [name for name in names if name.endswith(PICKLES)]
        if pickles:
            raise ModelError(
                words.say(
                    "The weights of {name} are pickled ({pickles}); opening them could run foreign code.",
                    name=folder.name,
                    pickles=pickles[0],
                ),
                "Convert them to safetensors (`save_pretrained(..., safe_serialization=True)`) and bring those.",
            )
        raise ModelError(
            words.say("{name} has no weights (model.safetensors).", name=folder.name), "Copy the whole folder."
        )
    kind = config.get("model_type")
    if kinds is not None and kind not in kinds:
        raise ModelError(
            words.say("{name} is a {kind} model, and an encoder is needed here.", name=folder.name, kind=repr(kind)),
            words.say("Known: {names}.", names=", ".join(kinds)),
        )
    _check_config(folder.name, config)
    _check_tokenizer(folder)
    return config


def _check_config(model: str, config: Mapping[str, Any]) -> None:
    """Raises ModelError for a config, or a part of one, that asks for too much memory or for foreign code."""
    for key, value in config.items():
        if isinstance(value, Mapping) and key not in ("id2label", "label2id"):
            _check_config(model, value)
        limit = BOUNDS.get(key)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if limit is not None and value is not None and not (whole and 0 < value <= limit):
            raise _wrong(model, key, value, words.say("It must be a whole number from 1 to {limit}.", limit=limit))
        if whole and abs(value) > MAX_NUMBER:
            raise _wrong(model, key, value, words.say("No whole number in it may be above {limit}.", limit=MAX_NUMBER))
    for key in ("dtype", "torch_dtype"):
        if config.get(key) is not None and config[key] not in TYPES:
            hint = words.say("Known: {names}.", names=", ".join(TYPES))
            raise _wrong(model, key, config[key], hint)
    for key in ("quantization_config", "attn_implementation", "_attn_implementation", "use_kernels"):
        if config.get(key) not in (None, False, "eager", "sdpa"):
            raise _wrong(
                model, key, config[key], words.say("Bring the model as it was before: without {key}.", key=key)
            )
    pad, size = config.get("pad_token_id"), config.get("vocab_size")
    if isinstance(size, int) and pad is not None and not (isinstance(pad, int) and -1 <= pad < size):
        raise _wrong(model, "pad_token_id", pad, words.say("It must be one of the {size} words.", size=size))
    places, width = (
        next((config[name] for name in names if isinstance(config.get(name), int)), 512)
        for names in (("max_position_embeddings", "n_positions"), ("dim", "hidden_size"))
    )
    if config.get("sinusoidal_pos_embds") and places * width > MAX_SINES:
        raise _wrong(model, "max_position_embeddings", places, words.say("Bring a model of fewer positions."))


def _wrong(model: str, key: str, value: Any, hint: str) -> ModelError:
    shown = words.label(repr(value), 60)
    return ModelError(words.say("config.json of {model} has {key} = {shown}.", model=model, key=key, shown=shown), hint)


def _check_tokenizer(folder: Path) -> None:
    """Raises ModelError for a tokenizer that names files outside of the folder, or code of its own."""
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if not (folder / name).is_file():
            continue
        said = read_json(folder / name, "Copy the tokenizer's files again.")
        for key, value in said.items():
            if (
                key.endswith("_file")
                and value is not None
                and (not isinstance(value, str) or Path(value).name != value)
            ):
                raise ModelError(
                    words.say("{name} of {model} names a file outside of the model: {key} = {value}.", name=name,
                              model=folder.name, key=key, value=words.label(repr(value), 60)),
                    words.say("Leave {key} out, and bring the file in the model's folder.", key=key),
                )  # fmt: skip


def _check_weights(source: str, folder: Path, config: Any, auto: Any) -> None:
    """Raises ModelError where a model as its config describes it is far larger than the weights that came with it: what
    is missing would be made up, in memory. Nothing is allocated for this."""
    import torch

    held = sum(file.stat().st_size for file in folder.glob("*.safetensors"))  # a number takes a byte or more
    with torch.device("meta"):
        model = auto.from_config(config)
    asked = sum(weight.numel() for weight in model.parameters())
    if asked > 2 * held + FRESH:
        raise ModelError(
            words.say("The model {source} is described with {asked} numbers, and its weights are {held}.",
                      source=repr(source), asked=asked, held=words.size(held)),
            words.say("Bring config.json and model.safetensors of one model."),
        )  # fmt: skip


@cache
def online() -> bool:
    """Whether the model hub can be reached; without it `transformers` would retry for 23 seconds at every load."""
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return False
    try:
        with socket.create_connection(("huggingface.co", 443), timeout=2):
            return True
    except OSError:
        os.environ["HF_HUB_OFFLINE"] = "1"
        return False


def pretrained(
    source: str,
    auto: Any,
    *,
    whole: bool = False,
    kinds: Collection[str] | None = ENCODERS,
    gguf_file: str | None = None,
    tokenized: bool = True,
    **config: Any,
) -> tuple[Any, Any]:
    """(model, tokenizer) of a HuggingFace folder or name: the one door through which foreign weights come in.

    auto: an Auto class of transformers. whole: its head must be among the weights too; else a missing or unlike head is
    a fresh one, to be trained. kinds: as in `check_pretrained`. gguf_file: the file in the folder that holds weights,
    config and tokenizer at once. tokenized: whether it has a tokenizer; else None is given. Raises ModelError with what
    is wrong and what to do.
    """
    found = place_of(source)
    local = found is not None and found.is_dir()
    folder = Path(source) if found is None else found
    if local:
        if gguf_file is None:
            check_pretrained(folder, kinds)
    elif not online():
        raise ModelError(
            words.say(
                "There is no folder {source}, and the HuggingFace hub cannot be reached from here.", source=repr(source)
            ),
            words.say(
                "Choose the packaged model (default), give a model's folder or a GGUF file, or upload it as a zip."
            )
            if kinds is None
            else words.say("Choose the bundled encoder (default), give a model's folder, or upload it as a zip."),
        )
    from transformers import AutoConfig, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    set_verbosity_error()  # type: ignore[no-untyped-call]  # what it would print is checked below

    name = str(folder) if local else source
    source = source if gguf_file is None else str(folder / gguf_file)
    safe = {"trust_remote_code": False, "local_files_only": local}
    try:
        if not local:  # the config alone first: nothing large is fetched for a model that does not fit
            seen = AutoConfig.from_pretrained(name, **safe)
            if kinds is not None and seen.model_type not in kinds:
                raise ModelError(
                    words.say("{source} is a {model_type} model.", source=source, model_type=repr(seen.model_type)),
                    words.say("Known encoders: {names}.", names=", ".join(kinds)),
                )
        elif gguf_file is None:
            _check_weights(source, folder, AutoConfig.from_pretrained(name, **safe), auto)
        file = {} if gguf_file is None else {"gguf_file": gguf_file}
        tokenizer = AutoTokenizer.from_pretrained(name, **safe, **file) if tokenized else None
        weights = {"use_safetensors": True} if gguf_file is None else file
        model, report = auto.from_pretrained(name, output_loading_info=True, **weights, **safe, **config)
    except ModelError:
        raise
    except Exception as error:  # whatever transformers raises of what was brought
        if full(error):
            raise
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            words.say("The model {source} cannot be opened: {reason}", source=repr(source), reason=reason),
            words.say("It must be a whole GGUF file of a language model: copy it again, or give a model's folder.")
            if gguf_file is not None
            else words.say("It needs config.json, model.safetensors and its tokenizer's files, all of one model.")
            if tokenized
            else words.say("It needs config.json, model.safetensors and preprocessor_config.json, all of one model."),
        ) from error
    wrong = [*report["missing_keys"], *(row[0] for row in report["mismatched_keys"])]
    wrong = [key for key in wrong if whole or not key.startswith(HEADS)]
    if wrong:
        raise ModelError(
            words.say(
                "The weights of {source} do not belong to its config.json: {wrong} is wrong.",
                source=repr(source),
                wrong=wrong[0],
            ),
            "Bring config.json and model.safetensors of one model.",
        )
    if tokenizer is None:
        return model, None
    size, rows = len(tokenizer), model.get_input_embeddings().num_embeddings
    if size > rows:
        raise ModelError(
            words.say(
                "The tokenizer of {source} has {size} words, its model only {rows}.",
                source=repr(source),
                size=size,
                rows=rows,
            ),
            "Bring the tokenizer of that model.",
        )
    return model, tokenizer


def unpack(archive: Path, into: Path) -> Path:
    """Unpack an uploaded zip and return the folder in it that holds config.json or fairdash.json.

    into: a place for this archive alone, named by its content. It appears when it is whole, and stays as it is: of
    several who unpack the same at once the first to end wins, and none fails.
    Raises ModelError for paths that leave the folder, links, too many members or bytes, and archives without a model.
    """
    try:
        file = zipfile.ZipFile(archive)
    except Exception as error:  # zipfile lets through whatever it stumbles over
        raise ModelError(
            words.say("{name} is no zip archive: {error}.", name=archive.name, error=error),
            "Bring the model's folder as one zip.",
        ) from None
    with file:
        members = [member for member in file.infolist() if not member.filename.endswith("/")]
        _check_members(archive.name, members)
        part = aside(into)
        try:
            part.mkdir(parents=True, exist_ok=True)
            budget = settings.MAX_UNPACKED_MB * 1_000_000
            for member in members:
                target = part.joinpath(*PurePosixPath(member.filename).parts)
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with file.open(member) as source, target.open("wb") as sink:
                        while chunk := source.read(1 << 20):
                            budget -= len(chunk)  # counted while reading: a header may lie about the size
                            if budget < 0:
                                raise ModelError(
                                    words.say(
                                        "{name} unpacks to more than {max_unpacked_mb} MB.",
                                        name=archive.name,
                                        max_unpacked_mb=settings.MAX_UNPACKED_MB,
                                    ),
                                    "Bring a smaller model, or raise FAIRDASH_MAX_UNPACKED_MB.",
                                )
                            sink.write(chunk)
                except ModelError:
                    raise
                except Exception as error:  # its decompressors raise what they like; or a name cannot be a file's
                    if full(error):
                        raise
                    raise ModelError(
                        words.say(
                            "{filename} in {name} cannot be read: {error}.",
                            filename=member.filename,
                            name=archive.name,
                            error=error,
                        ),
                        "Pack the folder again.",
                    ) from None
            place = within(part).relative_to(part)
            try:
                part.rename(into)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
            return into / place
        finally:
            shutil.rmtree(part, ignore_errors=True)


def brought(folder: Path) -> tuple[str, tuple[Brought, ...]]:
    """The kind of a HuggingFace model folder as its config names it, and what it can be taken for. Raises ModelError
    as `check_pretrained`, and for what can be taken for nothing."""
    config = check_pretrained(folder, None)
    kind, made = str(config.get("model_type")), config.get("architectures")
    if kind in VISION:
        return kind, ("images",)
    if kind not in ENCODERS and isinstance(made, list) and any(str(one).endswith(SPEAKING) for one in made):
        return kind, ("language",)
    check_pretrained(folder)
    return kind, ("encoder", "bert") if kind == "bert" else ("encoder",)


def within(folder: Path) -> Path:
    """Where an unpacked archive holds fairdash.json, else config.json. Raises ModelError without either."""
    for name in (MANIFEST, "config.json"):
        found = sorted(folder.rglob(name), key=lambda path: len(path.parts))
        if found:
            return found[0].parent
    raise ModelError(
        words.say("The archive holds no model: neither {manifest} nor config.json.", manifest=MANIFEST),
        "Pack the model's folder.",
    )


def _check_members(name: str, members: list[zipfile.ZipInfo]) -> None:
    if len(members) > settings.MAX_ZIP_MEMBERS:
        raise ModelError(
            words.say("{name} has {n} file.", "{name} has {n} files.", name=name, n=len(members)),
            words.say("At most {max_zip_members} are allowed.", max_zip_members=settings.MAX_ZIP_MEMBERS),
        )
    for member in members:
        path = PurePosixPath(member.filename)
        mode = member.external_attr >> 16
        if leaves(member.filename):
            raise ModelError(
                words.say("{name} has a path outside itself: {filename}.", name=name, filename=repr(member.filename)),
                "Pack the folder again.",
            )
        if not path.parts or len(path.parts) > MAX_DEPTH or not all(0 < len(one.encode()) < 256 for one in path.parts):
            raise ModelError(
                words.say("{name} has a path that no file can have: {path}.", name=name,
                          path=words.label(repr(member.filename), 60)),
                words.say("Pack the model's folder alone, with at most {n} folders in each other.", n=MAX_DEPTH),
            )  # fmt: skip
        if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
            raise ModelError(
                words.say("{name} has a link or device: {filename}.", name=name, filename=repr(member.filename)),
                "Pack plain files alone.",
            )
        if path.suffix in PICKLES:
            raise ModelError(
                words.say(
                    "{name} holds a pickle ({filename}); opening it could run foreign code.",
                    name=name,
                    filename=member.filename,
                ),
                "Bring the weights as safetensors.",
            )
    if sum(member.file_size for member in members) > settings.MAX_UNPACKED_MB * 1_000_000:
        raise ModelError(
            words.say(
                "{name} unpacks to more than {max_unpacked_mb} MB.", name=name, max_unpacked_mb=settings.MAX_UNPACKED_MB
            ),
            "Bring a smaller model.",
        )
