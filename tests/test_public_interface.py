"""The public interface: imported lazily, one name for one thing, names and units carried into results."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import messjax as mj
from messjax import lazy_imports

ROOT = Path(__file__).parents[1]
PACKAGES = ("messjax", "proofs_check", "sims")
HEAVY = ("jax", "matplotlib", "numpy", "scipy", "xarray")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)}
PUBLIC = ("simulate", "sweep", "judge", "optimum", "Controls", "Stream", "Policy", "Predictor", "Meter")
SUBPACKAGES = sorted(
    module.name for module in pkgutil.walk_packages(mj.__path__, "messjax.") if module.ispkg or module.name == "messjax"
)


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_everything_public_is_listed_and_there():
    assert {*PUBLIC, "policies", "predictors", "streams", "meters", "theory", "traces", "zoo", "plot"} <= set(dir(mj))
    for name in mj.__all__:
        assert getattr(mj, name) is not None, name
    assert mj.optimum is importlib.import_module("messjax.theory.optimum")
    assert mj.sweep is mj.engine.sweep and mj.judge is mj.theory.judge
    with pytest.raises(AttributeError, match="module 'messjax' has no attribute 'nothing'"):
        mj.nothing  # noqa: B018


@pytest.mark.parametrize("package", SUBPACKAGES)
def test_every_package_lists_what_it_exports(package):
    module = importlib.import_module(package)
    if "lazy_imports" not in inspect.getsource(module):
        assert not hasattr(module, "__all__")  # an internal package, reached by its modules
        return
    assert list(module.__all__) == sorted(set(module.__all__), key=list(module.__all__).index)
    assert set(lazy_imports.public_imports(package)) == set(module.__all__)
    assert {name for name in dir(module) if not name.startswith("__")} == set(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None, name


@pytest.mark.parametrize("code", ["import messjax", "import messjax; dir(messjax)", "import messjax.runtime"])
def test_importing_messjax_imports_nothing_heavy(code):
    assert run_python(f"{code}\nimport sys; print(sorted(sys.modules.keys() & {set(HEAVY)!r}))") == "[]\n"


def test_help_imports_nothing_heavy():
    code = f"""
import sys
from messjax.cli.__main__ import main
try:
    main(["--help"])
except SystemExit:
    print(sorted(sys.modules.keys() & {set(HEAVY)!r}))
"""
    out = run_python(code)
    assert out.endswith("[]\n") and all(command in out for command in ("replay", "simulate", "optimum", "trace"))


# --- one name, one thing ------------------------------------------------------------------------------------------


def modules_named_as_their_own_function(paths: list[Path]) -> list[str]:
    """Modules with a top-level function or class of their own name."""
    return [
        path.relative_to(ROOT).as_posix()
        for path in paths
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and node.name == (path.parent.name if path.name == "__init__.py" else path.stem)
    ]


def packages_that_shadow_a_module(paths: list[Path]) -> list[str]:
    """Names that a package imports from its modules although a module of the package has the name too."""
    bad = []
    for path in (path for path in paths if path.name == "__init__.py"):
        modules = {each.stem for each in path.parent.glob("*.py")}
        modules |= {each.parent.name for each in path.parent.glob("*/*.py")}
        package = ".".join(path.parent.relative_to(ROOT).parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module != package:
                names = [alias.asname or alias.name for alias in node.names]
                bad += [f"{package}.{name}" for name in names if name in modules]
    return bad


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def test_no_function_has_the_name_of_its_module():
    assert modules_named_as_their_own_function(sources(*PACKAGES)) == []
    assert packages_that_shadow_a_module(sources(*PACKAGES)) == []


def test_the_check_of_names_finds_offenders(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("from package.other import sweep\nfrom package import other\n")
    (tmp_path / "package" / "other.py").write_text("def sweep(): pass\n")
    (tmp_path / "package" / "sweep.py").write_text("class sweep: pass\n")
    assert modules_named_as_their_own_function(sources("package")) == ["package/sweep.py"]
    assert packages_that_shadow_a_module(sources("package")) == ["package.sweep"]


# --- from a zoo to a figure ---------------------------------------------------------------------------------------


def grid(stream: mj.Stream, policy: mj.Policy | dict[str, mj.Policy] | None = None, **options):
    policy = mj.policies.mess_plus(mj.predictors.oracle(stream)) if policy is None else policy
    controls = mj.Controls(V=[1.0, 10.0], alpha=0.6)
    return mj.sweep(jax.random.key(0), controls, policy=policy, stream=stream, horizon=20, num_streams=3, **options)


def test_a_result_has_the_names_and_the_unit_of_the_zoo():
    llama = mj.zoo.get("llama3")
    result = grid(llama.stream())
    assert result["model"].values.tolist() == list(llama.models)
    assert result.attrs["cost_unit"] == result["cost"].attrs["units"] == "kJ"
    assert result["optimal_cost"].attrs["units"] == "kJ"
    renamed = grid(llama.stream(), models=("a", "b", "c"), cost_unit="J")
    assert renamed["model"].values.tolist() == ["a", "b", "c"] and renamed["cost"].attrs["units"] == "J"


def test_components_have_short_names():
    stream = mj.streams.types(mj.zoo.get("llama3").distribution())
    assert repr(stream) == "Stream(iid, M=3, d=8)"
    assert repr(mj.streams.change(stream, stream, 5)) == "Stream(not_iid, M=3, d=8)"
    assert repr(mj.streams.replay(np.ones((4, 2)), np.ones((4, 3)), np.ones((4, 3)))) == (
        "Stream(recorded, M=3, d=2, length=4)"
    )
    assert repr(mj.zoo.get("llama3").stream()) == (
        "Stream(iid, M=3, d=16, models=Llama 1B, Llama 8B, Llama 70B, cost in kJ)"
    )
    assert repr(mj.predictors.linear(stream=stream)) == "Predictor(linear)"
    assert repr(mj.policies.mess_plus(mj.predictors.oracle(stream))) == "Policy(mess_plus, predictor=oracle)"
    assert repr(mj.policies.uniform()) == "Policy(uniform)"
    ours = mj.Predictor(*mj.predictors.oracle(stream)[:3])
    assert repr(mj.policies.one_sided(ours)) == "Policy(one_sided, predictor=other)"


@pytest.mark.parametrize("name", sorted(mj.predictors.__all__))
def test_predictors_know_their_names(name):
    stream = mj.streams.types(mj.zoo.get("llama3").distribution())
    prefix = np.eye(8)[:, :4], np.full((8, 3), 0.5)
    made = {
        "dual_contrastive": lambda: mj.predictors.dual_contrastive(*prefix, key=jax.random.key(0), steps=1),
        "forgetting_ridge": lambda: mj.predictors.forgetting_ridge(stream=stream),
        "frozen": lambda: mj.predictors.frozen(mj.predictors.oracle(stream), ()),
        "knn": lambda: mj.predictors.knn(*prefix, k=1),
        "linear": lambda: mj.predictors.linear(stream=stream),
        "mlp": lambda: mj.predictors.mlp(stream=stream),
        "noisy": lambda: mj.predictors.noisy(stream, 0.1),
        "oracle": lambda: mj.predictors.oracle(stream),
        "tabular": lambda: mj.predictors.tabular(stream=stream),
        "trained": lambda: mj.predictors.trained(mj.predictors.tabular(4, 3), *prefix, key=jax.random.key(0)),
    }
    assert made[name]().kind.name == {"trained": "frozen"}.get(name, name)


def test_streams_made_of_a_described_stream_keep_the_description():
    stream = mj.zoo.get("llama3").stream()
    classes, changed = mj.streams.with_classes(stream, [0.5, 0.5]), mj.streams.change(stream, stream, 5)
    assert stream.description == classes.description == changed.description
    other = stream._replace(description=None)
    assert mj.streams.change(stream, other, 5).description is None
    assert (stream.num_models, stream.num_features, classes.num_features) == (3, 16, 17)


def test_from_a_run_to_its_saved_figure_in_one_line(tmp_path):
    stream = mj.streams.types(mj.zoo.get("llama3").distribution())
    verdicts = mj.judge(grid(stream), stream.distribution())
    saved = mj.plot.save(mj.plot.versus_v(verdicts), f"{tmp_path}/folder/figure.png")
    assert [path.name for path in saved] == ["figure.png", "figure.svg"]
    assert all(path.stat().st_size > 10_000 for path in saved)
    with pytest.raises(TypeError, match=r"figure: found the str 'x.png', expected a matplotlib Figure"):
        mj.plot.save("x.png", mj.plot.versus_v(verdicts))
    with pytest.raises(TypeError, match=r"path: found None, expected a path"):
        mj.plot.save(mj.plot.versus_v(verdicts), None)
    with pytest.raises(ValueError, match=r"verdicts: .* there is no V"):
        mj.plot.versus_v(verdicts.isel(V=0))
    with pytest.raises(TypeError, match=r"verdicts: found a list, expected the Dataset that theory.judge returns"):
        mj.plot.versus_v([1.0])


def test_a_figure_draws_only_what_was_judged():
    stream = mj.streams.types(mj.zoo.get("llama3").distribution())
    verdicts = mj.judge(grid(stream), stream.distribution())
    nothing = verdicts.assign(measured=verdicts["measured"] * np.nan, bound=verdicts["bound"] * np.nan)
    figure = mj.plot.versus_v(nothing.isel(statement=[0]).drop_vars("gamma"))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert not any("gamma*" in label or "T3" in label for label in labels)
    with_gamma = mj.plot.versus_v(verdicts.assign(gamma=2.0))
    assert any("V gamma*" in text.get_text() for text in with_gamma.legends[0].get_texts())


def test_sizes_are_taken_from_the_stream():
    stream = mj.zoo.get("llama3").stream()
    for make in (mj.predictors.linear, mj.predictors.mlp, mj.predictors.tabular):
        by_stream, by_hand = make(stream=stream), make(16, 3)
        assert mj.components.structure_key(by_stream) == mj.components.structure_key(by_hand)
        with pytest.raises(ValueError, match="and a stream, expected one of them"):
            make(16, 3, stream=stream)
        with pytest.raises(ValueError, match=r"found no num_(features|types), expected .* or stream=\.\.\."):
            make(num_models=3)
        with pytest.raises(ValueError, match=r"is a Stream, expected a whole number >= 1, or stream=\.\.\."):
            make(stream, 3)
    with pytest.raises(TypeError, match="stream: found a Zoo, expected a Stream"):
        mj.predictors.linear(stream=mj.zoo.get("llama3"))


# --- types --------------------------------------------------------------------------------------------------------

SCRIPT = """
import jax
import xarray as xr

import messjax as mj

stream = mj.zoo.get("llama3").stream(num_features=8)
policies = {"MESS+": mj.policies.mess_plus(mj.predictors.linear(stream=stream)), "uniform": mj.policies.uniform()}
runs: xr.Dataset = mj.sweep(
    jax.random.key(0), mj.Controls(V=[1.0, 10.0], alpha=0.6), policy=policies, stream=stream, horizon=20, num_streams=4
)
one: mj.Result = mj.simulate(
    jax.random.key(0), mj.Controls(alpha=0.6), policy=policies["MESS+"], stream=stream, horizon=20
)
best: mj.theory.optimum.Optimum = mj.optimum.solve(mj.zoo.get("llama3").distribution(), 0.6)
print(runs["cost"].dims, sorted(one.final), best.cost)
"""


@pytest.mark.long
def test_a_user_script_runs(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    out = subprocess.run(
        [sys.executable, tmp_path / "script.py"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert out.returncode == 0 and out.stdout.startswith("('policy', 'V', 'stream')"), out.stderr


@pytest.mark.long
def test_a_user_script_passes_mypy_strict(tmp_path):
    script = tmp_path / "script.py"
    for code, passes in ((SCRIPT, True), (SCRIPT.replace("stream=stream", "stream=3"), False)):
        script.write_text(code)
        command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent", str(script)]
        out = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert (out.returncode == 0) is passes, out.stdout
    assert (ROOT / "messjax" / "py.typed").is_file()
