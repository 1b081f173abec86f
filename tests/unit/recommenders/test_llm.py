"""llm on a tiny GPT-2 with random weights: its shortcuts are exact, it asks nothing twice, and only those it was asked
about are audited."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from fairdash.data import split as splits
from fairdash.data import synthetic
from fairdash.errors import Cancelled, ConfigError, ModelError
from fairdash.mitigation.base import Mitigation
from fairdash.progress import silent
from fairdash.recommenders import RECOMMENDERS, build, ranking, resolved, store
from fairdash.recommenders.base import CandidateFitted, CandidateProfileFitted, ReadingFitted, Sizes
from fairdash.recommenders.device import choose
from fairdash.recommenders.estimate import estimate
from fairdash.recommenders.llm import reading, sample
from fairdash.recommenders.llm.kept import LATER, Kept, key
from fairdash.recommenders.llm.model import FittedLlm, twins_of, weights_of_examples
from fairdash.recommenders.llm.prompts import ASK_ONE, PROTOCOLS, prompt, template_of, titles_of
from fairdash.recommenders.llm.reading import Reader
from fairdash.run import Run
from fairdash.schema import GroupSpec, TrainingData
from fairdash.stages import audit, compare, finder, fit, mitigate, places, recommend
from fairdash.stages.fit import TrainSpec
from fairdash.workspace import GROWS
from tests.unit.recommenders.conftest import N_ITEMS, N_USERS, make_data

GENDER = GroupSpec(("gender",), (None,), 2)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 of two layers that knows the words of the small catalogue and of the prompts."""
    folder = tmp_path_factory.mktemp("tiny")
    said = f"A person : man woman ; age They liked , the latest last is fan of {ASK_ONE[0]} This someone with gender ."
    texts = [*said.split(), "Space", "battle", "Love", "song", "item", *".,:;?=-()", *map(str, range(120))]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys(["[UNK]", "[END]", *texts]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", eos_token="[END]").save_pretrained(folder)
    torch.manual_seed(0)
    size = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128, "initializer_range": 0.3}
    GPT2LMHeadModel(GPT2Config(vocab_size=len(vocabulary), bos_token_id=1, eos_token_id=1, **size)).save_pretrained(
        folder
    )
    return folder


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDASH_CPU_BF16", "0")  # exact comparisons


def options(tiny: Path, **more: Any) -> dict[str, Any]:
    return {"model": str(tiny), "n_candidates": 6, "people": 10, "history": 4} | more


def train(tiny: Path, data: TrainingData, folder: Path, progress: Any = silent, **more: Any) -> Any:
    """As `stages.fit` does: who is asked is drawn before."""
    recommender = build("llm", options(tiny, **more))
    asked = data.with_(asked=sample(recommender.config, data, 0))
    return recommender.fit(asked, seed=0, device="cpu", folder=folder, progress=progress)


def fitted(tiny: Path, data: TrainingData, folder: Path, **more: Any) -> FittedLlm:
    made = train(tiny, data, folder, **more)
    assert isinstance(made, FittedLlm)
    return made


def reader(tiny: Path) -> Reader:
    return Reader(*store.pretrained(str(tiny), AutoModelForCausalLM, whole=True, kinds=None), choose("cpu"))


def test_titles_that_share_a_prompt_get_what_each_gets_alone(tiny: Path) -> None:
    read = reader(tiny)
    titles = ["Space battle 3", "song", "Love song 30 ; item 4", *(f"item {n}" for n in range(40))]
    together = read.likelihood("A person : man .", titles)
    for title, value in zip(titles[:4], together, strict=False):
        ids = read.ids(read.chat("A person : man ."))
        own = read.ids(title)
        with torch.inference_mode():
            logits = read.model(torch.tensor([[*ids, *own]])).logits[0].log_softmax(-1)
        alone = [float(logits[len(ids) + i - 1, token]) for i, token in enumerate(own)]
        assert value == pytest.approx(np.mean(alone), abs=1e-5)
    assert (together <= 0).all()


def test_a_prompt_longer_than_the_model_reads_is_named(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="longer than this model reads"):
        reader(tiny).likelihood("man " * 200, ["song"])


def test_a_score_is_what_the_person_adds_to_a_title(tiny: Path, run: Path) -> None:
    data = make_data(profile=("gender",))
    made = fitted(tiny, data, run)
    assert isinstance(made, CandidateFitted)
    assert isinstance(made, CandidateProfileFitted)
    assert isinstance(made, ReadingFitted)
    users, items = np.array([3], np.int32), np.array([[5, 21, -1]], np.int32)
    scores = made.score_candidates(users, items, data.train)
    asked, title = made.reads(data, 3, 5, data.train)
    assert asked.startswith("A person: woman. They liked, the latest last: Love song")
    assert title == "Space battle 5"
    expected = made.reader.likelihood(asked, [title])[0] - made.reader.likelihood(ASK_ONE[0], [title])[0]
    assert scores[0, 0] == pytest.approx(expected, abs=1e-5)
    other = made.score_candidate_profiles(users, items, data.train, ["A person: man."])
    assert other[0, 0] != scores[0, 0]


def test_a_run_that_was_stopped_goes_on_and_asks_nothing_twice(
    tiny: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, asked = make_data(profile=("gender",)), []
    real = Reader.likelihood

    def counted(self: Reader, prompt: str, titles: list[str]) -> Any:
        asked.extend((prompt, title) for title in titles)
        return real(self, prompt, titles)

    monkeypatch.setattr(Reader, "likelihood", counted)

    def stop(done: float, message: str = "", values: Any = None) -> None:
        if done > 0.5:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        train(tiny, data, run, stop)
    before = len(asked)
    with (run / "answers.jsonl").open("a") as file:
        file.write('{"sha256": "cut o')  # as a killed process leaves it
    made = fitted(tiny, data, run)
    assert 0 < before < len(asked) == len(set(asked))
    rows = [json.loads(line) for line in (run / "answers.jsonl").read_text().splitlines() if line.endswith("}")]
    assert all(row["sha256"] == key(row["prompt"]) for row in rows)
    store.save(made, run / "model")
    again = store.load(run / "model")
    people = np.flatnonzero(sample(made.options, data, 0)).astype(np.int32)
    count = len(asked)
    np.testing.assert_array_equal(ranking.scores(again, people, data.train), ranking.scores(made, people, data.train))
    assert len(asked) == count
    # what is asked later is kept beside the model, whose files are sealed in a workspace
    was = {file.name: file.read_bytes() for file in (run / "model").iterdir() if file.is_file()}
    again.score_candidate_profiles(people[:1], np.array([[5]], np.int32), data.train, ["A person: somebody else."])
    later = len(asked)
    assert later > count
    assert {name: (run / "model" / name).read_bytes() for name in was} == was
    assert any((run / "model" / LATER).match(form) for form in GROWS)
    once = store.load(run / "model")
    once.score_candidate_profiles(people[:1], np.array([[5]], np.int32), data.train, ["A person: somebody else."])
    store.save(once, run / "copy")
    copied = store.load(run / "copy")
    copied.score_candidate_profiles(people[:1], np.array([[5]], np.int32), data.train, ["A person: somebody else."])
    assert len(asked) == later
    fitted(tiny, data, run / "other", model=str(tiny), protocol="fairllm")
    assert len(asked) > later


def test_answers_of_another_model_are_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    Kept(file, "one").add("Hello?", {"song": -1.0})
    Kept(file, "one").add("Hello?", {"battle": -2.0})
    assert Kept(file, "one").get("Hello?") == {"song": -1.0, "battle": -2.0}
    assert Kept(file, "two").get("Hello?") == {}


def test_people_are_drawn_evenly_and_the_same_again() -> None:
    data = make_data(profile=("gender",))
    women = (data.users["gender"] == "F").to_numpy()
    few = data.with_(users=data.users.assign(gender=np.where(np.arange(N_USERS) < 6, "F", "M")))
    config = build("llm", {"people": 20}).config
    chosen = sample(config, data, 0)
    assert chosen is not None
    assert (chosen.sum(), chosen[women].sum()) == (20, 10)
    rare = sample(config, few, 0)
    assert rare is not None
    assert (rare.sum(), rare[:6].sum()) == (20, 6)  # all there are, the rest of the others
    np.testing.assert_array_equal(chosen, sample(config, data, 0))
    assert (chosen != sample(config, data, 1)).any()
    assert sample(build("llm", {"people": 0}).config, data, 0) is None
    for by, told in (("height", "no such column"), ("user_id", "too many")):
        with pytest.raises(ConfigError, match=told):
            sample(build("llm", {"people": 20, "evenly": by}).config, data, 0)


def test_people_without_a_value_are_drawn_as_a_group_of_their_own() -> None:
    data = make_data(profile=("gender",))
    gender = np.where(np.arange(N_USERS) < 20, None, np.where(np.arange(N_USERS) < 40, "F", "M"))
    chosen = sample(build("llm", {"people": 12}).config, data.with_(users=data.users.assign(gender=gender)), 0)
    assert chosen is not None
    assert [int(chosen[start : start + 20].sum()) for start in (0, 20, 40)] == [4, 4, 4]
    nobody = data.with_(users=data.users.assign(gender=np.full(N_USERS, None, object)))
    with pytest.raises(ConfigError, match="Nobody who could be asked about has a value of gender"):
        sample(build("llm", {"people": 12, "evenly": "gender"}).config, nobody, 0)
    anybody = sample(build("llm", {"people": 12}).config, nobody, 0)
    assert anybody is not None
    assert anybody.sum() == 12


@pytest.mark.parametrize("config", ["[1, 2]", "{not json", "[" * 100_000, None])
def test_a_folder_that_is_no_language_model_is_named(config: str | None, tmp_path: Path, run: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    if config is not None:
        (folder / "config.json").write_text(config)
    recommender, sizes = build("llm", {"model": str(folder)}), Sizes(N_USERS, N_ITEMS, 500)
    info = RECOMMENDERS["llm"]
    assert info.cost is not None
    with pytest.raises(ModelError, match=r"config\.json"):
        info.cost(recommender.config, sizes)
    with pytest.raises(ModelError, match=r"config\.json"):
        recommender.fit(make_data(), seed=0, device="cpu", folder=run, progress=silent)


def test_what_is_said_of_a_language_model_that_is_none_fits_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "online", lambda: False)
    for absent in (str(tmp_path / "absent"), "~nobody-of-this-name/model", "x" * 300):
        with pytest.raises(ModelError, match="no folder") as caught:
            reading.opened(absent)
        assert "GGUF" in caught.value.hint
        assert "encoder" not in caught.value.hint
        assert resolved("llm", {"model": absent})["model"] == absent
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF" + b"\x00" * 996)
    with pytest.raises(ModelError, match=r"broken\.gguf") as caught:
        reading.opened(str(file))
    assert "GGUF" in caught.value.hint
    assert "config.json" not in caught.value.hint


def test_only_those_who_were_asked_are_audited_and_compared(tiny: Path, tmp_path: Path) -> None:
    cut = splits.split(synthetic.make(n_users=80, n_items=40)[0], "user-time:0.8")
    chosen = options(tiny, profile="gender", people=30)
    run = Run.load(fit.train(cut, TrainSpec("llm", chosen), tmp_path / "llm").folder)
    asked = run.split.asked
    assert asked is not None
    assert run.split.digest == cut.digest
    assert "30 of 80 people" in run.split.notes[-1]
    lists = recommend.recommend(run, 6)
    np.testing.assert_array_equal((lists.items >= 0).any(axis=1), asked)
    np.testing.assert_array_equal(np.isfinite(finder.standing(run.split, lists, 6).ndcg) & ~asked, False)
    spec = audit.AuditSpec((GENDER,), k=6, replicates=20, permutations=20, model=True)
    found = audit.audit(run, lists, spec).to_json()
    assert found["n_users"] == 30
    known = cut.training.users["gender"].notna().to_numpy()
    assert 0 < (asked & ~known).sum() < 10
    assert found["model"]["gender"]["flip_jaccard"]["n"] == (asked & known).sum()
    assert found["model"]["gender"]["probe_auc"]["n"] <= 30  # nobody else has a list that could give anything away
    assert not any("no list" in told for told in found["warnings"])
    plain = fit.train(cut, TrainSpec("popularity"), tmp_path / "popularity")
    made = compare.Made("popularity", plain, recommend.recommend(plain, 6), {})
    both = compare.compare(made, compare.Made("llm", run, lists, {}), spec).to_json()
    told = places.rerank_input(run, Mitigation("user_parity", (GENDER,)), 6, "valid")
    assert told.valid is not None
    assert told.user_groups is not None
    assert set(told.valid.nonzero()[0]) <= set(np.flatnonzero(asked))
    np.testing.assert_array_equal(told.user_groups.unknown, ~(asked & known))
    assert compare.compare(made, made, spec).to_json()["n_users"] == 80
    assert both["n_users"] == 30


def test_templates_are_filled_in_one_pass() -> None:
    assert prompt(template_of("fairllm", ""), "A person: man.", ["Heat", "{history}"]) == (
        f"A person: man. They are a fan of {{history}}. {ASK_ONE[0]}"
    )
    assert "nothing yet" in prompt(template_of("history", ""), "", [])
    for own, told in (("About {who}.", "{who}"), ("Nothing to fill", "names no place")):
        with pytest.raises(ConfigError, match=told):
            build("llm", {"template": own})


def test_items_without_a_title_are_told_by_what_is_known_of_them() -> None:
    items = make_data().items
    assert titles_of(items.assign(title=[None, *items["title"][1:]]))[:2] == ["Sci-Fi, War", "Space battle 1"]
    assert titles_of(items[["item_id"]])[0] == "item i0"


def test_the_cost_is_told_in_tokens(tiny: Path) -> None:
    info = RECOMMENDERS["llm"]
    assert info.cost is not None
    sizes = Sizes(N_USERS, N_ITEMS, 500)
    small = info.cost(build("llm", options(tiny)).config, sizes)
    large = info.cost(build("llm", options(tiny, people=20)).config, sizes)
    assert large.tokens == 2 * small.tokens
    assert large.flops < info.cost(build("llm", {"people": 20}).config, sizes).flops
    assert "tokens" in estimate(large, choose("cpu")).sentence


@pytest.fixture(scope="module")
def llama(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of one layer with the tokenizer of the tiny GPT-2."""
    folder = tmp_path_factory.mktemp("llama")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tiny)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), bos_token_id=1, eos_token_id=1, **size)).save_pretrained(
        folder
    )
    return folder


def test_fine_tuning_learns_the_next_title_goes_on_and_comes_back(llama: Path, tmp_path: Path) -> None:
    data, losses, said = make_data(profile=("gender",)), [], []
    more = {"lora_steps": 60, "lora_batch": 8, "lora_rate": 0.02, "people": 4}

    def heard(done: float, message: str = "", values: Any = None) -> None:
        losses.extend([values["loss"]] if values else [])
        said.append(message)

    def stop(done: float, message: str = "", values: Any = None) -> None:
        if message.startswith("Step 25"):
            raise Cancelled("Stopped.")

    whole = train(llama, data, tmp_path / "whole", heard, **more)
    assert isinstance(whole, FittedLlm)
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.1  # all but the matrices is random, and stays so
    with pytest.raises(Cancelled):
        train(llama, data, tmp_path / "two", stop, **more)
    losses.clear()
    said.clear()
    parts = train(llama, data, tmp_path / "two", heard, **more)
    assert isinstance(parts, FittedLlm)
    assert len(losses) == 40  # from the checkpoint at 20
    assert "tokens are read or written" in said[0]
    for name, array in whole.learned.items():
        np.testing.assert_allclose(parts.learned[name], array, atol=1e-5)
    store.save(whole, tmp_path / "model")
    again = store.load(tmp_path / "model")
    assert isinstance(again, FittedLlm)
    text, titles = "They liked, the latest last: Love song 30.", ["Love song 31", "Space battle 3"]
    np.testing.assert_allclose(again.reader.likelihood(text, titles), whole.reader.likelihood(text, titles), atol=1e-4)
    plain = fitted(llama, data, tmp_path / "plain", people=4)
    assert (plain.reader.likelihood(text, titles) < whole.reader.likelihood(text, titles)).all()


def test_what_cannot_be_learned_is_said_before_the_first_step(llama: Path, tmp_path: Path) -> None:
    data, seen = make_data(profile=("gender",)), []
    more = {"lora_steps": 3, "lora_batch": 1, "people": 1}

    def heard(done: float, message: str = "", values: Any = None) -> None:
        seen.extend([values] if values else [])

    short = Path(shutil.copytree(llama, tmp_path / "short"))
    AutoModelForCausalLM.from_pretrained(llama, max_position_embeddings=12).save_pretrained(short)
    with pytest.raises(ConfigError, match="longer than this model reads"):
        train(short, data, tmp_path / "one", heard, **more)
    endless = Path(shutil.copytree(llama, tmp_path / "endless"))
    tokenizer = PreTrainedTokenizerFast.from_pretrained(llama)
    tokenizer.eos_token = None
    tokenizer.save_pretrained(endless)
    with pytest.raises(ModelError, match="no end token"):
        train(endless, data, tmp_path / "two", heard, **more)
    assert not seen


@pytest.mark.parametrize(
    "template",
    ["{% for %}", "{{ raise_exception('only for cats') }}", "{{ 1 / 0 }}", "{{ nobody.name.first }}",
     "{{ messages[0]['content'] + 1 }}", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"],
)  # fmt: skip
def test_a_chat_template_that_fails_is_named(tiny: Path, template: str) -> None:
    read = reader(tiny)
    read.tokenizer.chat_template = template
    with pytest.raises(ModelError, match="chat template"):
        read.likelihood("A person.", ["song"])
    assert Reader(read.model, read.tokenizer, choose("cpu"), framed=False).likelihood("A person.", ["song"]).shape


@pytest.mark.parametrize(
    "other",
    [
        {"lora_rate": 0.01},
        {"protocol": "fairllm"},
        {"way": "generate", "titles": 2},
        {"template": "{profile} Liked: {history}."},
        {"wording": 1},
        {"swap": ("gender",), "swap_share": 1.0},
        {"user_repeats": np.arange(N_USERS, dtype=np.int32) % 3},
        {"profile": ()},
        {},
    ],
)
def test_a_training_goes_on_from_its_own_checkpoint_alone(llama: Path, run: Path, other: dict[str, Any]) -> None:
    data, more = make_data(profile=("gender",)), {"lora_steps": 2, "lora_batch": 1, "lora_rate": 0.02, "people": 1}
    seen: list[str] = []

    def heard(done: float, message: str = "", values: Any = None) -> None:
        seen.extend([message] if values else [])

    train(llama, data, run, heard, **more)
    mitigated = {name: value for name, value in other.items() if hasattr(data, name)}
    options = {name: value for name, value in other.items() if not hasattr(data, name)}
    seen.clear()
    train(llama, data.with_(**mitigated), run, heard, **{**more, **options})
    assert len(seen) == (2 if other else 0)  # the very same one was done already


def test_an_example_asks_for_what_came_next(tiny: Path, run: Path) -> None:
    data = make_data(profile=("gender",))
    made = fitted(tiny, data, run, people=1)
    liked = data.train.take(np.flatnonzero(data.train.rating >= 4))
    for seed in range(20):
        ((asked, title),) = made.examples(data, weights_of_examples(data), [], np.random.default_rng(seed))
        told = asked.partition("latest last: ")[2].partition(".")[0].split("; ")
        user = next(
            user
            for user in range(N_USERS)
            if (own := [made.titles[item] for item in liked.item[liked.user == user]])
            and title in own
            and own[max(own.index(title) - 4, 0) : own.index(title)] == told
        )
        assert ("woman" in asked) == (data.users["gender"][user] == "F")


def test_another_model_in_the_same_place_is_noticed(tiny: Path, run: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(tiny, tmp_path / "place"))
    store.save(fitted(place, make_data(), run, people=2), run / "model")
    (place / "config.json").write_text((place / "config.json").read_text() + "\n")
    with pytest.raises(ModelError, match="is another one"):
        store.load(run / "model")
    with pytest.raises(ModelError, match="absent"):
        build("llm", {"model": str(tmp_path / "absent")}).fit(
            make_data(), seed=0, device="cpu", folder=run, progress=silent
        )


def test_twins_and_weights_reach_what_is_learned(tiny: Path, run: Path) -> None:
    data = make_data(profile=("gender",))
    made = fitted(tiny, data, run, people=1)
    twins = data.with_(swap=("gender",), swap_share=0.5)
    variants = twins_of(twins, 0)
    assert len(variants) == 1
    pairs = [made.examples(twins, weights_of_examples(data), variants, np.random.default_rng(i)) for i in range(60)]
    assert 15 < sum(len(pair) == 2 for pair in pairs) < 45
    for pair in pairs:
        if len(pair) == 2:
            (asked, title), (other, same) = pair
            assert title == same
            assert asked != other
            assert asked.replace("woman", "man") == other.replace("woman", "man")
    assert twins_of(data, 0) == []
    only = np.zeros(data.n_users, np.int32)
    only[3] = 1
    drawn = weights_of_examples(data.with_(user_repeats=only))
    assert set(data.train.user[drawn > 0]) == {3}
    with pytest.raises(ConfigError, match="no next title"):
        weights_of_examples(data.with_(user_repeats=np.zeros(data.n_users, np.int32)))


def test_what_is_remarked_stands_before_the_question_and_comes_back(tiny: Path, run: Path) -> None:
    data = make_data(profile=("gender",))
    remarks = np.array(["Be fair." if user % 2 else "" for user in range(N_USERS)], object)
    made = fitted(tiny, data.with_(remarks=remarks), run, people=4)
    store.save(made, run / "model")
    again = store.load(run / "model")
    assert isinstance(again, FittedLlm)
    for one in (made, again):
        users = np.array([2, 3], np.int32)
        even, odd = (asked.prompt for asked in one.asked(users, data.train, ["A person.", "A person: man."]))
        assert "Be fair." not in even
        assert odd.startswith("A person: man. They liked")
        assert odd.endswith(f". Be fair. {ASK_ONE[0]}")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_wording_says_the_same_of_a_person(tiny: Path, run: Path, protocol: str) -> None:
    data, said = make_data(profile=("gender",)), set()
    for wording in range(3):
        made = fitted(tiny, data, run / str(wording), people=1, protocol=protocol, wording=wording)
        (asked,) = made.asked(np.array([3], np.int32), data.train, ["A person: woman."])
        assert "A person: woman." in asked.prompt
        assert ("Love song" in asked.prompt) or protocol == "fairllm"
        assert all(made.titles[item] in asked.prompt for item in asked.offered)
        said.add(asked.prompt)
    assert len(said) == 3
    if protocol == "candidates":
        orders = set()
        for order in range(4):
            made = fitted(tiny, data, run / f"order{order}", people=1, protocol=protocol, order=order)
            (asked,) = made.asked(np.array([3], np.int32), data.train, ["A person."])
            orders.add(tuple(asked.offered))
        assert len(orders) > 1
        assert len({frozenset(one) for one in orders}) == 1


def test_a_list_goes_on_where_a_small_model_follows_no_question(tiny: Path, run: Path) -> None:
    data = make_data(profile=("gender",))
    made = fitted(tiny, data, run, people=1, protocol="continuation", history=2)
    asked, title = made.reads(data, 3, 5, data.train)
    assert asked.startswith("A person: woman. Titles that this person liked, the latest last:\n1. ")
    assert asked.endswith("\n\nOther titles that this person would like:\n1.")
    assert made.reader.chat(asked) == asked
    scores = made.score_candidates(np.array([3], np.int32), np.array([[5]], np.int32), data.train)
    alone = made.question
    expected = made.reader.likelihood(asked, [f" {title}"])[0] - made.reader.likelihood(alone, [f" {title}"])[0]
    assert scores[0, 0] == pytest.approx(expected, abs=1e-5)
    with pytest.raises(ConfigError, match="takes every text for a question"):
        build("llm", {"protocol": "continuation", "endpoint": "http://127.0.0.1/v1", "way": "generate"})


def test_one_that_writes_lists_learns_lists(tiny: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reader, "generate", lambda self, prompts, tokens: [" Love song 31\n2. song"] * len(prompts))
    data = make_data(profile=("gender",))
    weights = weights_of_examples(data)
    chat = fitted(tiny, data, run / "chat", people=1, way="generate", titles=3)
    on = fitted(tiny, data, run / "on", people=1, way="generate", titles=3, protocol="continuation")
    for seed in range(20):
        ((_, one),), ((_, two),) = (
            made.examples(data, weights, [], np.random.default_rng(seed)) for made in (chat, on)
        )
        assert f"1.{two}" == one
        lines = one.splitlines()
        assert 1 <= len(lines) <= 3
        assert [line.partition(". ")[0] for line in lines] == [str(i) for i in range(1, len(lines) + 1)]
        assert all(line.partition(". ")[2] in chat.titles for line in lines)
    users = np.array([0], np.int32)
    assert 31 in on.candidates(users, data.train, ["A person."]).items


def test_a_longer_list_of_a_text_that_goes_on_is_asked_for_anew(
    tiny: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def write(self: Reader, prompts: list[str], tokens: int) -> list[str]:
        asked.append(tokens)
        return [" song"] * len(prompts)

    monkeypatch.setattr(Reader, "generate", write)
    new = []
    for titles in (2, 2, 5):
        asked.clear()
        fitted(tiny, make_data(), run, people=1, way="generate", protocol="continuation", titles=titles)
        new.append(list(asked))
    assert new[0]
    assert not new[1]
    assert len(new[2]) == len(new[0])
    assert min(new[2]) > max(new[0])


@pytest.mark.parametrize("method", ["blind", "neutral_rewrite", "fairness_instruction"])
def test_what_is_said_of_people_can_be_mitigated_and_the_same_people_are_asked(
    method: str, tiny: Path, tmp_path: Path
) -> None:
    cut = splits.split(synthetic.make(n_users=60, n_items=40)[0], "user-time:0.8")
    spec = TrainSpec("llm", options(tiny, profile="gender", people=20))
    before = fit.train(cut, spec, tmp_path / "before")
    told = {
        strength: fit.train(
            cut,
            replace(spec, mitigations=(Mitigation(method, (GENDER,), strength=strength),)),
            tmp_path / f"{strength}",
        )
        for strength in (0.5, 1.0)
    }
    people = np.flatnonzero(before.split.asked).astype(np.int32)
    assert len(people) == 20
    for run in told.values():  # who is drawn evenly hangs on the profile, and not on what is hidden of it
        np.testing.assert_array_equal(run.split.asked, before.split.asked)
    half, full = (
        [one.prompt for one in run.fitted.asked(people, cut.known, run.fitted.profiles_of(people))]
        for run in told.values()
    )
    said = {
        "neutral_rewrite": "Their gender may be any.",
        "fairness_instruction": "Do not let their gender change what you recommend.",
    }.get(method, "")
    assert all(said in prompt for prompt in full)
    if said:
        assert 0 < sum(said in prompt for prompt in half) < 20
    hides = method != "fairness_instruction"
    assert hides != any(prompt.startswith("A person: ") for prompt in full)
    assert any(prompt.startswith("A person: ") for prompt in half)
    assert told[1.0].fitted.profile == (() if hides else ("gender",))
    spec_of = audit.AuditSpec((GENDER,), k=6, replicates=20, permutations=20, model=True)
    found = audit.audit(told[1.0], recommend.recommend(told[1.0], 6), spec_of).to_json()["model"]["gender"]
    assert ("by_construction" in found["flip_jaccard"]) == hides


def test_a_mitigation_that_would_change_nothing_is_refused(tiny: Path, llama: Path, tmp_path: Path) -> None:
    cut = splits.split(synthetic.make(n_users=60, n_items=40)[0], "user-time:0.8")
    plain = options(tiny, profile="gender", people=4)
    for method in ("counterfactual_augment", "resample"):
        spec = TrainSpec("llm", plain, (Mitigation(method, (GENDER,), strength=1.0),))
        with pytest.raises(ConfigError, match="does not learn so") as caught:
            fit.train(cut, spec, tmp_path / "run")
        assert "llm (lora_steps)" in caught.value.hint
    spec = TrainSpec("bert_sequence", {"profile": "gender"}, (Mitigation("neutral_rewrite", (GENDER,), strength=1.0),))
    with pytest.raises(ConfigError, match="is none") as caught:
        fit.train(cut, spec, tmp_path / "run")
    assert "llm" in caught.value.hint
    with pytest.raises(ConfigError, match="not trained by gradient steps"):
        fit.train(cut, TrainSpec("llm", plain, (Mitigation("adversarial", (GENDER,), strength=1.0),)), tmp_path / "run")
    learning = TrainSpec(
        "llm", plain | {"model": str(llama), "lora_steps": 2, "lora_batch": 2},
        (Mitigation("counterfactual_augment", (GENDER,), strength=1.0),),
    )  # fmt: skip
    seen = []
    run = fit.train(cut, learning, tmp_path / "lora", lambda done, message="", values=None: seen.append(message))
    assert run.fitted.learned
    assert any(one.startswith("Step 2") for one in seen)


def test_a_strength_is_chosen_on_validation_and_told_what_came_of_it(tiny: Path, tmp_path: Path) -> None:
    cut = splits.split(synthetic.make(n_users=60, n_items=40)[0], "user-time:0.8")
    more = options(tiny, profile="gender", people=12, history=2)
    before = fit.train(cut, TrainSpec("llm", more), tmp_path / "before")

    def retrain(spec: TrainSpec, progress: Any) -> Run:
        return fit.train(cut, spec, tmp_path / str(spec.mitigations[-1].strength), progress)

    done = mitigate.mitigate(before, Mitigation("neutral_rewrite", (GENDER,)), 3, retrain=retrain)
    assert [point["strength"] for point in done.tuning] == [0.0, 0.25, 0.5, 1.0]
    assert done.tuning[-1]["value"] == 1.0  # lists that cannot react are identical
    assert done.strength in (0.0, 0.25, 0.5, 1.0)
    compared = compare.compare(
        compare.Made("llm", before, recommend.recommend(before, 3), {}),
        compare.Made(done.title, done.run, done.lists, {}),
        audit.AuditSpec((GENDER,), k=3, replicates=20, permutations=20),
    ).to_json()
    assert compared["n_users"] == 12


needs_the_package = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in (reading.PACKAGE, "gguf")),
    reason="the packaged language model is not installed",
)


@needs_the_package
def test_a_gguf_file_is_opened_and_reads() -> None:
    file = reading.located("default")
    assert isinstance(file, Path)
    assert reading.identity_of("default") == reading.GGUF_SHA256
    read = Reader(*reading.opened(str(file)), choose("cpu"), framed=False)
    likely, unlikely = read.likelihood("The capital of France is", [" Paris", " Rome"])
    assert likely > unlikely


@needs_the_package
def test_a_packaged_model_that_is_not_the_published_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "GGUF_SHA256", "0" * 64)
    with pytest.raises(ModelError, match="checksum differs"):
        build("llm").fit(make_data(), seed=0, device="cpu", folder=tmp_path, progress=silent)


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PACKAGE", "no_such_package")
    with pytest.raises(ConfigError, match="not installed") as caught:
        reading.located("default")
    assert "pip install" in caught.value.hint
