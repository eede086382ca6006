"""Explorables: the grid, the numbers, the specification, the errors."""

import html
import json
import re

import altair as alt
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import vl_convert
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kexue.book.explorables import packing
from kexue.book.explorables.charts import RECORD
from kexue.book.explorables.explore import MAX_BYTES, VEGA, Explorable, explore
from kexue.book.explorables.sliders import make_sliders, readable
from kexue.book.explorables.static import read, vega_bundle

SETTINGS = settings(max_examples=60, deadline=None, derandomize=True)


def points(data):
    return data.mark_point().encode(x=alt.X("value:Q", scale=alt.Scale(domain=[0, 100])))


def make(function=lambda a, b: {"value": 10 * a + b}, *, draw=points, alt="A point.", **given):
    sliders = {key: given.pop(key) for key in list(given) if key not in ("symbols", "start", "name")}
    return explore(function, draw=draw, alt=alt, **given, **(sliders or {"a": [1, 2, 3], "b": [4, 5]}))


def spec(explorable):
    return json.loads(explorable.specification)


# ---- the grid and its numbers ------------------------------------------------------------------------------------


def test_records_lie_in_the_order_of_the_sliders_product():
    explorable = make()
    expected = [10 * a + b for a in (1, 2, 3) for b in (4, 5)]
    assert packing.decode(json.dumps(spec(explorable)["fields"]["value"])) == expected
    assert explorable.record(a=3, b=4) == {"a": 3, "b": 4, "value": 34}
    assert explorable.record() == {"a": 2, "b": 5, "value": 25}  # the middle
    with pytest.raises(ValueError, match="c: no such slider"):
        explorable.record(c=1)
    with pytest.raises(ValueError, match=r"start a=2\.5 is not one of the slider's values"):
        explorable.record(a=2.5)


def test_the_function_is_traced_once_for_the_whole_grid():
    calls = []

    def function(a, b):
        calls.append((a, b))
        return {"value": a + b}

    make(function, a=np.linspace(0, 1, 20), b=np.linspace(0, 1, 20))
    assert len(calls) == 1


def test_each_grid_point_agrees_with_a_call_of_the_function():
    def spiral(angle, rate):
        k = jnp.arange(30)
        t = k.astype(float)
        return {"path": {"x": jnp.exp(-rate * t) * jnp.cos(angle * t), "y": jnp.sin(angle * t)}, "t": k, "n": k.sum()}

    explorable = make(
        spiral,
        draw=lambda d: d.transform_flatten(["path_x", "path_y"]).mark_line().encode(x="path_x:Q", y="path_y:Q"),
        angle=np.linspace(0.1, 1, 5),
        rate=[0.01, 0.1, 1.0],
    )
    for angle in explorable.sliders[0].values:
        for rate in explorable.sliders[1].values:
            record, direct = explorable.record(angle=angle, rate=rate), spiral(angle, rate)
            np.testing.assert_allclose(record["path_x"], direct["path"]["x"], rtol=5.1e-3, atol=1e-18)
            np.testing.assert_allclose(record["path_y"], direct["path"]["y"], rtol=5.1e-3, atol=1e-6)
            assert record["t"] == list(range(30)) and record["n"] == 435
    written = spec(explorable)
    assert set(written["fields"]) == {"path_x", "path_y"}  # what is the same everywhere is written once
    assert written["constants"] == {"t": list(range(30)), "n": 435}


def test_integers_and_booleans_are_exact():
    explorable = make(lambda a: {"value": a * 123457, "flag": a > 1, "small": jnp.arange(3) * a}, a=[1, 2])
    assert explorable.record(a=2) == {"a": 2, "value": 246914, "flag": 1, "small": [0, 2, 4]}


finite = st.floats(allow_nan=False, allow_infinity=False)
usual = st.floats(-1e13, 1e13, allow_nan=False).filter(lambda v: v == 0 or abs(v) > 1e-17)
arrays = st.one_of(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 9)), elements=elements)
    for elements in (finite, usual)
)


@SETTINGS
@given(arrays)
def test_numbers_survive_the_round_trip_to_three_digits(array):
    decoded = np.asarray(packing.decode(packing.encode(array)))
    assert decoded.shape == array.shape
    with np.errstate(over="ignore"):  # 1.7976e308 to three digits is 1.80e308, an infinity
        np.testing.assert_array_equal(decoded, [[float(f"{value:.2e}") for value in row] for row in array])


@SETTINGS
@given(usual, st.integers(1, 9))
def test_short_json_numbers_are_valid_and_close(value, digits):
    text = packing.number(value, digits)
    assert abs(json.loads(text) - value) <= abs(value) * 0.51 * 10.0 ** (1 - digits)
    assert len(text) <= digits + 7


@pytest.mark.parametrize("value", [9.996, 99.95, 0.9995, 1.0, 1e-9, -1e5, 123.4999, 1000.0, 2.2250738585072014e-308])
def test_next_to_a_power_of_ten(value):
    assert packing.decode(packing.encode(np.array([value]))) == [float(f"{value:.2e}")]


def test_packed_numbers_are_shorter_than_written_ones():
    array = np.random.default_rng(0).normal(size=(50, 40))
    assert len(packing.encode(array)) < 0.55 * len(packing.to_json(array, 3))
    wide = array * 10.0 ** np.linspace(-200, 0, 40)
    assert len(packing.encode(wide)) < 0.55 * len(packing.to_json(wide, 3))


@pytest.mark.parametrize("scale", [1e-25, 1e-36, 1e30])
def test_fields_of_any_size_keep_three_digits(scale):
    explorable = make(lambda k: {"value": scale * k * (1 + jnp.arange(4.0))}, k=[1.0, 2.37])
    for k in (1.0, 2.37):
        np.testing.assert_allclose(explorable.record(k=k)["value"], scale * k * np.arange(1, 5), rtol=5e-3)


def test_a_curve_over_sixty_powers_of_ten_keeps_three_digits_everywhere():
    explorable = make(lambda k: {"value": k * 10.0 ** -jnp.arange(-30.0, 31.0)}, k=[1.0, 3.0])
    np.testing.assert_allclose(explorable.record(k=3.0)["value"], 3.0 * 10.0 ** -np.arange(-30.0, 31.0), rtol=5e-3)
    log = alt.Scale(type="log", domain=[1e-30, 1e30])

    def lines(d):
        return d.transform_flatten(["value", "n"]).mark_line().encode(x="n:Q", y=alt.Y("value:Q", scale=log))

    drawn = make(
        lambda k: {"value": k * 10.0 ** (jnp.arange(61.0) - 30), "n": jnp.arange(61)}, k=[1.0, 1.01], draw=lines
    )
    path = re.search(r'role-mark[^>]*><path[^>]*d="([^"]*)"', drawn.still)[1]
    heights = [float(y) for _, y in re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", path)]
    np.testing.assert_allclose(np.diff(heights), (heights[-1] - heights[0]) / 60, atol=0.1)  # a straight line up


def test_half_precision_is_drawn():
    explorable = make(lambda k: {"value": (k * jnp.ones(2)).astype(jnp.bfloat16)}, k=[1.0, 2.0])
    assert explorable.record(k=2.0)["value"] == [2, 2]


def test_constants_that_differ_in_late_digits_stay_apart():
    with jax.enable_x64(True):
        explorable = make(lambda k: {"x": jnp.linspace(1, 1.000001, 5), "value": k}, k=[1.0, 2.0])
    np.testing.assert_allclose(np.array(explorable.record()["x"]) - 1, np.linspace(0, 1e-6, 5), atol=1e-12)
    assert packing.constant(np.array([0.1234567, 0.7654321])) == "[0.123457,0.765432]"


# ---- labels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, symbol, words, letter",
    [
        ("alpha", r"\alpha", "alpha", "α"),
        ("α", r"\alpha", "alpha", "α"),
        ("beta_2", r"\beta_{2}", "beta 2", "β2"),
        ("lambda_", r"\lambda", "lambda", "λ"),
        ("Gamma", r"\Gamma", "Gamma", "Γ"),
        ("k", "k", "k", "k"),
        ("x0", "x_{0}", "x0", "x0"),
        ("learning_rate", None, "learning rate", "learning rate"),
        ("alphabet", None, "alphabet", "alphabet"),
    ],
)
def test_symbols_come_from_the_names(name, symbol, words, letter):
    (slider,) = make_sliders({name: [1, 2]}, None, None)
    assert (slider.symbol, slider.words, slider.letter) == (symbol, words, letter)


def test_symbols_can_be_given_and_are_escaped():
    page = make(
        lambda learning_rate: {"value": learning_rate}, learning_rate=[1, 2], symbols={"learning_rate": r"\gamma<1"}
    ).html
    assert r'<span class="mathjax_process">\(\gamma&lt;1\)</span>' in page


@pytest.mark.parametrize(
    "value, text",
    [
        (0.3, "0.3"),
        (1e-4, "10⁻⁴"),
        (2.5e-4, "2.5 × 10⁻⁴"),
        (-1e-7, "−10⁻⁷"),
        (-0.5, "−0.5"),
        (20000, "20000"),
        (3e6, "3 × 10⁶"),
        (0, "0"),
    ],
)
def test_values_are_written_as_a_reader_would(value, text):
    assert readable(value) == text


def test_linspace_leaves_no_dust_on_the_values():
    (slider,) = make_sliders({"a": np.linspace(0, 1, 11)}, None, {"a": 0.3})
    assert slider.values[3] == 0.3 and slider.start == 3 and slider.labels[3] == "0.3"


@pytest.mark.parametrize(
    "values",
    [np.arange(-1, 1.05, 0.1), np.arange(0.005, 0.1, 0.005), np.arange(-1, 1.05, 0.1, dtype=np.float32)]
    + [jnp.linspace(-1, 1, 21), np.linspace(0, 2, 21) - 1],
)
def test_no_dust_from_any_way_of_spacing(values):
    (slider,) = make_sliders({"a": values}, None, {"a": round(float(values[3]), 3)})
    assert list(slider.values) == np.round(np.asarray(values, float), 3).tolist()
    assert slider.start == 3


def test_a_slider_in_half_precision():
    explorable = make(lambda a: {"value": 10 * a}, a=jnp.array([0.5, 1.25], jnp.bfloat16))
    assert explorable.record(a=1.25)["value"] == 12.5


CLOSE = [np.linspace(1, 1.000001, 3), [20240101.0, 20240102.0, 20240103.0], [1e-20, 0.5, 1.0], [1.0, 1.0 + 2**-52]]


@pytest.mark.parametrize("values", CLOSE, ids=map(str, CLOSE))
def test_slider_values_keep_their_digits(values):
    (slider,) = make_sliders({"k": values}, None, {"k": values[0]})
    np.testing.assert_allclose(slider.values, values, rtol=1e-15)
    assert len(set(slider.values)) == len(set(slider.labels)) == len(values)
    assert slider.start == 0


def test_close_values_arrive_and_are_written_in_full():
    explorable = make(lambda k: {"value": (k - 1) * 1e6}, k=np.linspace(1, 1.000001, 3))
    assert [explorable.record(k=k)["value"] for k in (1, 1.0000005, 1.000001)] == pytest.approx([0, 0.5, 1], abs=0.05)
    assert spec(explorable)["sliders"][0]["values"] == [1.0, 1.0000005, 1.000001]
    with pytest.raises(ValueError, match=r"start k=1\.0000007 is not .* \(nearest: 1\.0000005\)"):
        explorable.record(k=1.0000007)


LOST = {
    "close": ([1.0, 1.0 + 1e-9], r"'k' holds 1\.000000001, which 32-bit numbers cannot tell"),
    "huge": ([1.0, 1e39], r"'k' holds 1e\+39, which 32-bit"),
    "tiny": ([1e-42, 1.0], r"'k' holds 1e-42, which 32-bit"),
    "odd": ([2**33 + 1, 2**34], "'k' holds 8589934593, which 32-bit"),
}


@pytest.mark.parametrize("values, message", LOST.values(), ids=LOST)
def test_values_that_cannot_arrive_are_refused_and_arrive_in_64_bits(values, message):
    with pytest.raises(ValueError, match=message + ".*jax_enable_x64"):
        make(lambda k: {"value": k}, k=values)
    with jax.enable_x64(True):
        assert make(lambda k: {"value": k}, k=values).record(k=values[1])["value"] == pytest.approx(values[1], rel=5e-3)


def test_integers_beyond_32_bits():
    explorable = make(lambda k: {"value": k * jnp.linspace(0, 1, 3)}, k=[2**33, 2**34])
    assert [explorable.record(k=k)["value"] for k in (2**33, 2**34)] == [[0, 4.29e9, 8.59e9], [0, 8.59e9, 1.72e10]]
    assert explorable.record(k=2**33)["k"] == 8589934592 and explorable.sliders[0].labels == [
        "8.59 × 10⁹",
        "1.718 × 10¹⁰",
    ]
    assert make(lambda k: {"value": k}, k=[-(2**31), 2**31 - 1]).record(k=2**31 - 1)["value"] == 2**31 - 1
    assert make(lambda k: {"value": k / 2.0**70}, k=[2**70, 2**71]).record(k=2**71)["value"] == 2
    with pytest.raises(ValueError, match="'k' holds 9007199254740993, which the page's numbers cannot hold"):
        make(lambda k: {"value": k}, k=[0, 2**53 + 1])
    with pytest.raises(ValueError, match="the page's numbers cannot hold"):
        make(lambda k: {"value": k}, k=[0, 10**400])


@pytest.mark.parametrize(
    "values, labels",
    [
        ([0.99, 0.999, 0.9999, 0.99999, 0.999999], ["0.99", "0.999", "0.9999", "0.99999", "0.999999"]),
        ([0.9, 0.999999], ["0.9", "0.999999"]),
        ([1 / 3, 1.00004, 1.00005], ["0.3333", "1.00004", "1.00005"]),
        ([1.0, 1.00001], ["1", "1.00001"]),
        ([-0.99999, -1.0], ["−0.99999", "−1"]),
        ([20240101, 20240102], ["20240101", "20240102"]),
        ([1e5, 123456], ["10⁵", "1.235 × 10⁵"]),
        ([1.23451e-7, 1.23452e-7, 1e-6], ["1.23451 × 10⁻⁷", "1.23452 × 10⁻⁷", "10⁻⁶"]),
        (np.geomspace(1e-3, 10, 9)[:4], ["0.001", "0.003162", "0.01", "0.03162"]),
        ([12345.6, 2.5], ["12346", "2.5"]),
    ],
)
def test_labels_tell_positions_apart_and_are_no_longer_than_that(values, labels):
    assert make_sliders({"a": values}, None, None)[0].labels == labels


# ---- errors ------------------------------------------------------------------------------------------------------

BAD_SLIDERS = [
    ({"a": []}, "slider 'a' has no values; it needs at least two"),
    ({"a": [1.0]}, "slider 'a' has 1 value; it needs at least two"),
    ({"a": [[1, 2], [3, 4]]}, r"slider 'a' must be a 1-D sequence of numbers, got int64 values of shape \(2, 2\)"),
    ({"a": 3.0}, "slider 'a' must be a 1-D sequence of numbers"),
    ({"a": ["x", 1]}, "slider 'a' must be a 1-D sequence of numbers"),
    ({"a": [[1], [2, 3]]}, "slider 'a' must be a 1-D sequence of numbers"),
    ({"a": [1.0, np.nan]}, "slider 'a' holds nan"),
    ({"a": [1.0, np.inf]}, "slider 'a' holds inf"),
    ({"a": [1, 2, 1]}, "slider 'a' has the same value twice"),
    ({"a": range(100), "b": range(50)}, r"100 × 50 = 5000 points; at most 4096"),
]


@pytest.mark.parametrize("sliders, message", BAD_SLIDERS, ids=[message[:40] for _, message in BAD_SLIDERS])
def test_bad_sliders(sliders, message):
    with pytest.raises(ValueError, match=message):
        explore(lambda **p: {"value": sum(p.values())}, draw=points, alt="A point.", **sliders)


def test_4096_points_are_allowed():
    explorable = make(a=range(64), b=range(64))
    assert explorable.record(a=63, b=7) == {"a": 63, "b": 7, "value": 637}


def test_no_slider_at_all():
    with pytest.raises(ValueError, match="explore needs at least one slider"):
        explore(lambda: {"value": 1.0}, draw=points, alt="A point.")


@pytest.mark.parametrize("argument", ["symbols", "start"])
def test_unknown_names_in_symbols_and_start(argument):
    with pytest.raises(ValueError, match=rf"{argument} names 'c', which is not a slider \(sliders: a, b\)"):
        make(**{argument: {"c": "1" if argument == "symbols" else 1}})


def test_start_off_the_slider():
    with pytest.raises(ValueError, match=r"start a=2\.4 is not one of the slider's values \(nearest: 2\)"):
        make(start={"a": 2.4})


def test_a_slider_of_names():
    explorable = explore(
        lambda law, k: {"value": 10 * law + k},
        draw=points,
        alt="A point.",
        start={"law": "hinge"},
        law=["KL", "hinge", "χ²"],
        k=[1, 2],
    )
    law, k = explorable.sliders
    assert (law.values, law.labels, law.start) == ((0, 1, 2), ["KL", "hinge", "χ²"], 1)
    assert k.labels == ["1", "2"]
    assert explorable.record(law="χ²", k=2)["value"] == 22
    assert explorable.record(k=1) == {"law": 1, "k": 1, "value": 11}
    page = explorable.html
    assert '<option value="0">KL</option><option value="1" selected>hinge</option><option value="2">χ²</option>' in page
    assert f'<label for="{explorable.name}-law">law</label><select id="{explorable.name}-law" aria-label="law"' in page
    assert page.count("<select") == page.count('type="range"') == 1  # k is a slider
    with pytest.raises(ValueError, match=r"start law='JS' is not one of the slider's names: \['KL', 'hinge', 'χ²'\]"):
        explorable.record(law="JS")
    for names in (["KL", "KL"], ["KL", " KL"]):
        with pytest.raises(ValueError, match="slider 'law' has the same name twice"):
            explore(lambda law: {"value": law}, draw=points, alt="A point.", law=names)


def test_names_are_escaped_and_may_be_an_array():
    explorable = make(lambda law: {"value": law}, law=np.array(["a<b", "&"]))
    assert '<option value="0">a&lt;b</option><option value="1" selected>&amp;</option>' in explorable.html
    assert explorable.record(law="a<b")["law"] == 0


@pytest.mark.parametrize("text", ["", "  "])
def test_alt_is_required(text):
    with pytest.raises(ValueError, match="alt must describe"):
        make(alt=text)


def test_name_must_fit_into_an_address():
    assert make(name="heavy-ball").name == "heavy-ball"
    with pytest.raises(ValueError, match="name must be letters"):
        make(name="heavy ball")


def test_parameters_that_do_not_match():
    with pytest.raises(ValueError, match=r"parameters and the sliders do not match: .*'b'"):
        make(lambda a: {"value": a}, a=[1, 2], b=[1, 2])


def branch(a):
    return {"value": jnp.ones(3) if a > 1 else jnp.ones(4)}


SHAPES = {
    "arange": lambda a: {"value": jnp.arange(a)},
    "zeros": lambda a: {"value": jnp.zeros((a,))},
    "Boolean mask": lambda a: {"value": jnp.arange(4)[jnp.arange(4) < a]},
    "Python if": branch,
    "Python loop": lambda a: {"value": sum(range(a))},
    "NumPy": lambda a: {"value": np.sin(np.asarray(a))},
}


@pytest.mark.parametrize("function", SHAPES.values(), ids=SHAPES)
def test_a_shape_that_depends_on_the_parameters(function):
    with pytest.raises(
        ValueError, match=r"shape of the function's output, .* depends on a parameter.*keep the shape fixed"
    ) as raised:
        make(function, a=[1, 2, 3])
    assert "\n" not in str(raised.value)


def test_other_errors_of_the_function_are_its_own():
    def broken(a):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        make(broken, a=[1, 2])
    with pytest.raises(TypeError, match=r"dot_general|incompatible|dot"):
        make(lambda a: {"value": jnp.ones(3) @ jnp.ones(4) * a}, a=[1, 2])


OUTPUTS = {
    "array": (lambda a: jnp.ones(3) * a, "must return a dict of 0-d or 1-d arrays, not a"),
    "tuple inside": (lambda a: {"path": (a, a)}, "its entry 'path' is a tuple"),
    "nothing": (lambda a: {}, "empty dict"),
    "matrix": (lambda a: {"value": jnp.ones((2, 3)) * a}, r"field 'value' has shape \(2, 3\)"),
    "complex": (lambda a: {"value": a.astype("complex64")}, "field 'value' holds complex64"),
    "empty": (lambda a: {"value": jnp.ones(0) * a}, "field 'value' is empty"),
    "name": (lambda a: {"va.lue": 1.0 * a}, "field 'va.lue': a field's name"),
    "slider's name": (lambda a: {"a": 1.0 * a}, "field 'a' has the name of a slider"),
}


@pytest.mark.parametrize("function, message", OUTPUTS.values(), ids=OUTPUTS)
def test_outputs_that_cannot_be_drawn(function, message):
    with pytest.raises(ValueError, match=message):
        make(function, a=[1.0, 2.0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_found_where_they_are(bad):
    def function(a, b):
        return {"fine": a, "value": jnp.where((a >= 2) & (b > 4), bad, 1.0) * jnp.ones(3)}

    with pytest.raises(
        ValueError, match=rf"field 'value' is {bad} at a = 2, b = 5 \(and at 2 of 6 grid points in all\)"
    ):
        make(function)


def test_too_large_says_how_large_and_what():
    key = jax.random.key(0)

    def function(a):
        return {"short": a * jnp.ones(4), "long": jax.random.normal(key, (500,)) * a}

    with pytest.raises(
        ValueError, match=r"takes \d{3} kB, 300 kB are allowed; the largest part is field 'long' \(\d+ kB\)"
    ):
        make(function, a=np.linspace(1, 2, 250))
    with pytest.raises(ValueError, match=r"more than \d+ kB, 300 kB .* 'long' \(1000 × 500 numbers\)"):
        make(function, a=np.linspace(1, 2, 1000))
    assert len(make(function, a=np.linspace(1, 2, 200)).specification) < MAX_BYTES


def test_too_large_because_of_the_charts_own_data():
    rows = [{"x": i / 7, "y": i / 11, "z": "word " * 30} for i in range(2000)]
    layer = alt.Chart(alt.Data(values=rows)).mark_point().encode(x="x:Q", y="y:Q")
    with pytest.raises(ValueError, match="the largest part is the data that panel 2 brings"):
        make(draw=lambda data: (points(data), layer))


CHARTS = {
    "nothing": (lambda d: None, r"draw must return .*not NoneType \(is the return missing\?\)"),
    "number": (lambda d: 3, "draw must return .*not int"),
    "tuple with a dict": (lambda d: (points(d), {}), "draw must return .*not dict"),
    "no panel": (lambda d: (), "draw returned no chart"),
    "hconcat": (lambda d: points(d) | points(d), "draw returned an HConcatChart: return a tuple"),
    "vconcat": (lambda d: points(d) & points(d), "draw returned an VConcatChart: return a tuple"),
}


@pytest.mark.parametrize("draw, message", CHARTS.values(), ids=CHARTS)
def test_draw_must_return_charts(draw, message):
    with pytest.raises(ValueError, match=message):
        make(draw=draw)


# ---- the specification -------------------------------------------------------------------------------------------


def test_marks_are_cut_and_log_axes_labelled_unless_told_otherwise():
    def draw(data):
        log = alt.Y("value:Q", scale=alt.Scale(type="log", domain=[1e-12, 1e4]))
        own = alt.Y("value:Q", scale=alt.Scale(type="log"), axis=alt.Axis(format="e"))
        free = data.mark_point(clip=False).encode(x="a:Q", y=log)
        return free + data.mark_line().encode(x="a:Q", y=own) + data.mark_text().encode(x="a:Q", y="value:Q")

    (panel,) = spec(make(draw=draw))["panels"]
    assert [layer["mark"].get("clip") for layer in panel["layer"]] == [False, True, None]
    assert "labelExpr" in panel["layer"][0]["encoding"]["y"]["axis"]
    assert panel["layer"][1]["encoding"]["y"]["axis"] == {"format": "e"}
    (only,) = spec(make(draw=lambda data: data.mark_point().encode(x="a:Q", y=log_axis())))["panels"]
    labels = re.findall(r">([^<>]*)</text>", svg_of(only, {"a": 1, "value": 5.0}))
    assert {"10⁻¹²", "10⁻⁹", "0.01", "1", "10⁴"} & set(labels) and not any("e" in label for label in labels)


def log_axis():
    return alt.Y("value:Q", scale=alt.Scale(type="log", domain=[1e-12, 1e4]), title=None)


def svg_of(panel, record):
    return vl_convert.vegalite_to_svg({**panel, "datasets": {RECORD: [record]}})


def test_static_layers_are_rounded_and_shared():
    rows = [{"x": 1 / 3, "y": 2 / 3}]

    def draw(data):
        layer = alt.Chart(alt.Data(values=rows)).mark_line().encode(x="x:Q", y="y:Q")
        return points(data) + layer, layer

    written = spec(make(draw=draw))
    assert list(written["datasets"].values()) == [[{"x": 0.3333, "y": 0.6667}]]


def test_the_name_is_stable_and_does_not_depend_on_numbers_or_words():
    assert make().name == make(a=[5, 6], b=[7, 8], alt="Something else.").name
    assert make().name != make(lambda a, c: {"value": a + c}, a=[1, 2], c=[1, 2]).name


def test_page_markup(monkeypatch):
    monkeypatch.setenv("KEXUE_BOOK", "1")
    explorable = make(
        lambda alpha: {"value": alpha * 10, "text": 1.0},
        alt='A "point" & </script><b>.',
        draw=lambda d: points(d).properties(description="</script>"),
        alpha=[0.1, 0.2, 0.3],
    )
    bundle = explorable._repr_mimebundle_()
    page = bundle["text/html"]
    assert bundle["text/plain"] == repr(explorable)
    assert re.findall(r"<script[^>]*>", page) == ['<script type="application/json">']
    assert page.count("</script>") == 1
    assert 'alt="A &quot;point&quot; &amp; &lt;/script&gt;&lt;b&gt;."' in page
    assert r'<span class="mathjax_process">\(\alpha\)</span>' in page
    assert 'aria-valuetext="0.2"' in page and 'min="0" max="2" step="1" value="1"' in page
    assert 'src="data:image/svg+xml;base64,' in page
    content = page.partition('<script type="application/json">')[2].partition("</script>")[0]
    assert json.loads(content) == json.loads(explorable.specification)
    assert "http" not in page.replace("http://www.w3.org", "")


def test_a_notebook_gets_the_pages_figure_with_style_and_script(monkeypatch):
    explorable = make(lambda alpha: {"value": alpha * 10}, alpha=[0.1, 0.2, 0.3])
    monkeypatch.setenv("KEXUE_BOOK", "1")
    page = explorable._repr_mimebundle_()["text/html"]
    monkeypatch.delenv("KEXUE_BOOK")
    bundle = explorable._repr_mimebundle_()
    notebook = bundle["text/html"]
    assert bundle["text/plain"] == repr(explorable)
    assert re.findall(r"<(script|style)[ >]", notebook) == ["style", "script", "script"]
    content = re.search(r'<script type="application/json"([^>]*)>(.*?)</script>', notebook, re.DOTALL)
    assert json.loads(content[2]) == json.loads(explorable.specification)
    # Without scripts nothing but the picture is there; with them the page's own controls.
    still = notebook[: content.start()].split("</style>")[1]
    assert "<img" in still and "<input" not in still and "<button" not in still
    controls = html.unescape(re.search(r'data-controls="([^"]*)"', content[1])[1])
    assert controls == re.search(r'<div class="kexue-controls".*?(?=<script)', page, re.DOTALL)[0]
    assert re.search(r'data-vega="(\S+) (\S+) (\S+)"', content[1]).groups() == VEGA
    assert [re.fullmatch(r"https://cdn\.jsdelivr\.net/npm/([\w-]+)@\d[\d.]*", address)[1] for address in VEGA] == [
        "vega",
        "vega-lite",
        "vega-embed",
    ]


def test_repr_tells_what_is_inside():
    text = repr(make(lambda a: {"value": a, "x": a * jnp.ones(7), "t": jnp.arange(7)}, a=[1.0, 2.0]))
    assert re.fullmatch(r"Explorable\(a: 2 values; fields value, x \(7\), constant t \(7\); 1 panel, \d kB\)", text)


def test_a_function_that_ignores_its_parameters_still_draws():
    explorable = make(lambda a: {"value": 3.0}, a=[1, 2])
    assert spec(explorable)["fields"] == {} and explorable.record(a=2) == {"a": 2, "value": 3}


def test_still_shows_the_start():
    def place(explorable):
        return float(re.search(r"role-mark[^>]*><path[^>]*translate\(([\d.]+),", explorable.still)[1])

    low, high = place(make(start={"a": 1, "b": 4})), place(make(start={"a": 3, "b": 5}))
    assert high / low == pytest.approx(35 / 14, rel=1e-2)


def test_still_leaves_its_text_alone():
    small = alt.Axis(values=[0.0004, 0.0008], format=".4f")
    explorable = make(
        lambda a: {"value": 1e-4 * a.astype(float)},
        draw=lambda d: d.mark_point().encode(x=alt.X("value:Q", axis=small, scale=alt.Scale(domain=[0, 1e-3]))),
        a=[1, 2, 3],
    )
    assert ">0.0004<" in explorable.still and ">0.0008<" in explorable.still


def test_double_precision_is_kept_where_it_is_asked_for():
    with jax.enable_x64(True):
        explorable = make(lambda a: {"value": 1e-17 + 0 * a, "sum": (1.0 + 1e-12 * a) - 1.0}, a=[1.0, 2.0])
    assert explorable.record(a=2.0)["sum"] == pytest.approx(2e-12, rel=1e-2)


def test_explorable_type():
    assert isinstance(make(), Explorable)


def test_the_bundle_is_one_classic_script_without_addresses_to_call():
    bundle = vega_bundle()
    assert bundle.startswith("(function () {") and "window.vegaEmbed=" in bundle
    assert "</script" not in read("explorable.js") and "http" not in read("explorable.js")
    assert "http" not in read("explorable.css") and "url(" not in read("explorable.css")
