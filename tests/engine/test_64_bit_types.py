"""JAX_ENABLE_X64, another locale, hash seed or `python -OO` change no number: everything is drawn in 32 bits."""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.component_tables import COST, KEYS, POLICIES, PREDICTORS, STREAMS, M, distribution

from messjax import feedback, policies, predictors, streams, sweep
from messjax.engine import simulation
from messjax.numerics import counter_prng, precision
from messjax.types import Controls

ONE = jnp.ones((), jnp.int32)


def drawn_in_64_bits(function, *arguments) -> list[str]:
    """Lines of a program, traced with 64-bit defaults, that draw random words of 64 bits or of a float64."""
    with jax.enable_x64(True):
        lines = str(jax.make_jaxpr(function)(*arguments)).splitlines()
    return [line.strip() for line in lines if "bit_width=64" in line or ("random_" in line and "f64" in line)]


def test_the_check_sees_words_of_64_bits():
    key = counter_prng.counting_key(jax.random.key(0))
    assert drawn_in_64_bits(lambda key: jax.random.bits(key), key) and drawn_in_64_bits(jax.random.uniform, key)


@pytest.mark.parametrize("name", STREAMS)
def test_streams_draw_in_32_bits(name):
    def draw(key):
        stream = STREAMS[name](0.0)
        return stream.draw(key, stream.init(key), ONE)

    key = counter_prng.counting_key(KEYS[0])
    assert not drawn_in_64_bits(draw, key)
    with jax.enable_x64(True):
        request = jax.eval_shape(draw, key)[1]._replace(available=None)
        assert {field.dtype for field in jax.tree.leaves(request)} == {jnp.dtype("float32")}


@pytest.mark.parametrize("name", POLICIES)
def test_policies_draw_in_32_bits(name):
    stream = STREAMS["types"](0.0)
    policy = POLICIES[name](PREDICTORS["noisy"](stream, 0.0), 0.0)
    controls = Controls(*(jnp.float32(value) for value in (2.0, 0.5, 0.5, 0.25, 0.7, 1.5)))

    def serve(key):
        request = stream.draw(key, stream.init(key), ONE)[1]
        state = policy.init(key, controls)
        return simulation.serve((key, key), state, request, ONE, controls, policy, feedback.sparse)

    assert not drawn_in_64_bits(serve, counter_prng.counting_key(KEYS[0]))


def test_64_bit_arrays_of_a_users_component_become_32_bit_ones():
    with jax.enable_x64(True):
        tree = {"x": jnp.arange(3.0), "n": jnp.arange(3), "key": jax.random.key(0), "text": "kept"}
        narrow = precision.narrowed(tree)
    assert [str(narrow[name].dtype) for name in ("x", "n")] == ["float32", "int32"]
    assert narrow["key"] is tree["key"] and narrow["text"] == "kept"


def in_this_process() -> dict[str, list[float]]:
    """Numbers that were wrong with 64-bit words: normals and labels of a calibrated stream, random costs."""
    smooth = streams.calibrated(COST, np.array([0.4, 0.6, 0.9]), num_features=4)
    base = streams.types(distribution(0.0))
    worlds = {
        "calibrated": (smooth, policies.mess_plus(predictors.oracle(smooth))),
        "lognormal": (streams.lognormal(base, 1.0), policies.single(0)),
        "by_length": (streams.by_length(base, COST, np.full(M, 50.0)), policies.single(0)),
    }
    result = {}
    for name, (stream, policy) in worlds.items():
        for engine in ("general", "fast") if name == "calibrated" else ("general",):
            run = sweep(
                jax.random.key(3), Controls(V=10.0, alpha=0.6), policy=policy, stream=stream, horizon=300,
                num_streams=4, engine=engine,
            )  # fmt: skip
            values = [run[metric].values for metric in ("satisfaction", "cost", "error_mean", "queue_last")]
            result[f"{name} {engine}"] = np.concatenate(values).astype(float).tolist()
    return result


@pytest.mark.long
def test_environment_changes_no_number():
    """One process with 64-bit defaults, another locale, hash seed, time zone and no asserts, against this one."""
    program = "import json; from engine import test_64_bit_types as t; print(json.dumps(t.in_this_process()))"
    changed = {"JAX_ENABLE_X64": "1", "PYTHONHASHSEED": "123", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"}
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    paths = {"PYTHONPATH": os.pathsep.join((folder, os.path.dirname(folder)))}
    command = [sys.executable, "-OO", "-c", program]
    done = subprocess.run(command, env=os.environ | changed | paths, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, wanted = json.loads(done.stdout), in_this_process()
    assert found.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)
