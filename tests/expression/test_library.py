"""URLs, named formats, `format`, and other functions of Kubernetes, by upstream's own answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dra_policy.expression import DeviceFacts, EvaluationError, compile_cel
from dra_policy.expression.rows import as_attribute
from dra_policy.resources import Device, Features
from dra_policy.source import Source

URLS = [
    ("https://a.example:80/p q?k=1&k=2&l", "https", "a.example:80", "a.example", "80", "/p%20q"),
    ("https://[::1]:80/", "https", "[::1]:80", "::1", "80", "/"),
    ("HTTP://User:pw@h/a%2Fb;c#frag", "http", "h", "h", "", "/a%2Fb;c"),
    ("/only/path?x", "", "", "", "", "/only/path"),
    ("mailto:someone@example.com", "mailto", "", "", "", ""),
]
NOT_URLS = ["", "nope", "http://[::1", "http://a b/", "http://a:b/", "/%zz", "http://a\tb", "://x"]


def derived(text: str) -> object:
    program = compile_cel(Source("derived", text), features=Features.all(), kind="derived")
    if isinstance(program, EvaluationError):
        return program.message
    try:
        return program.value(DeviceFacts.of("gpu.acme.com", Device.model_validate({"name": "gpu-0"})))
    except EvaluationError as error:
        return error.message


@pytest.mark.parametrize(("text", "scheme", "host", "hostname", "port", "path"), URLS, ids=[u[0] for u in URLS])
def test_url(text: str, scheme: str, host: str, hostname: str, port: str, path: str) -> None:
    parts = ("getScheme", "getHost", "getHostname", "getPort", "getEscapedPath")
    made = ", ".join(f"url({text!r}).{part}()" for part in parts)
    assert derived(f"[{made}]") == (scheme, host, hostname, port, path)
    assert derived(f"isURL({text!r})") is True


def test_query() -> None:
    assert derived('url("https://a/p?k=1&k=two+words&l=%41&;x=1").getQuery() == {"k": ["1", "two words"], "l": ["A"]}')
    assert derived('url("https://a/p?").getQuery() == {}')


@pytest.mark.parametrize("text", NOT_URLS)
def test_not_a_url(text: str) -> None:
    assert derived(f"isURL({text!r})") is False
    said = derived(f"url({text!r}).getHost()")
    assert isinstance(said, str)
    assert said.startswith("URL parse error during conversion from string: ")


def test_equal_urls() -> None:
    assert derived('url("https://a/b") == url("https://a/b")') is True
    assert derived('url("https://a/b#c") == url("https://a/b")') is False


FORMATS = [
    ("dns1123Label", ["my-name", "123-abc"], ["a.b", "-a", "A", "x" * 64]),
    ("dns1123Subdomain", ["a.b", "example.com"], ["a..b", "x." * 127 + "xy"]),
    ("dns1035Label", ["abc-123"], ["123-abc", "a.b"]),
    ("dns1123LabelPrefix", ["my-"], ["my--!", "-"]),
    ("dns1123SubdomainPrefix", ["a.b-"], ["A.b-"]),
    ("dns1035LabelPrefix", ["my-"], ["1x-"]),
    ("qualifiedName", ["example.com/MyName", "MyName"], ["a/b/c", "/x", "a/", "Example.com/x"]),
    ("labelValue", ["", "MyValue"], ["-x", "x" * 64]),
    ("uri", ["https://a/b", "/a"], ["a", ""]),
    ("uuid", ["123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000"], ["123", "g" * 32]),
    ("byte", ["aGVsbG8="], ["a", "*", ""]),
    ("date", ["2024-02-29"], ["2023-02-29", "2023-1-1", "2020-01-32"]),
    ("datetime", ["2024-01-01T00:00:00Z", "2024-01-01t23:59:59.5+01:00"], ["2024-01-01", "2024-01-01T24:00:00Z"]),
]


@pytest.mark.parametrize(("name", "good", "bad"), FORMATS, ids=[f[0] for f in FORMATS])
def test_named_format(name: str, good: list[str], bad: list[str]) -> None:
    for made in (f"format.{name}()", f'format.named("{name}").value()'):
        for text in good:
            assert derived(f"{made}.validate({text!r}).hasValue()") is False, text
        for text in bad:
            assert derived(f"{made}.validate({text!r}).hasValue()") is True, text


def test_what_is_wrong_with_a_name() -> None:
    assert derived('format.dns1123Label().validate("a.b").value()') == ("must not contain dots",)
    assert derived('format.uuid().validate("a").value()') == ("does not match the UUID format",)
    assert derived('format.named("nope").hasValue()') is False
    assert derived("format.uuid() == format.uuid() && format.uuid() != format.date()") is True


FORMATTED = [
    ('"%d%% of %s"', '[5, "x"]', "5% of x"),
    ('"%f|%.2f|%.0f"', "[1234567.5, 0.005, 2.5]", "1,234,567.500000|0.01|2"),
    ('"%e|%.3e|%e"', "[1234567.5, 0.00012345, -1e100]", "1.234568×10⁰⁶|1.234500×10⁻⁰⁴|-1.000000×10¹⁰⁰"),
    ('"%f %e|%.9e"', '["NaN", "Infinity", "-Infinity"]', "NaN      ∞|       -∞"),
    ('"%b %b %o %x %X %x"', '[5, true, 8, 255, b"hi", "é"]', "101 1 10 ff 6869 c3a9"),
    ('"%s"', '[[1, 2.5, "a\\"b", b"x", true, null, int]]', '[1, 2.500000, "a\\"b", b"x", true, null, int]'),
    ('"%s"', '[{"z": 1u, "a": [1.0]}]', '{"a":[1.000000], "z":1}'),
    ('"%s %s %s"', '[1.5, 1e100, duration("90m")]', "1.5 1e+100 5400s"),
    ('"%s"', '[[duration("90m"), double("Infinity")]]', '[duration("5400s"), "+Inf"]'),
]


@pytest.mark.parametrize(("text", "values", "wanted"), FORMATTED, ids=[f[1] for f in FORMATTED])
def test_format(text: str, values: str, wanted: str) -> None:
    assert derived(f"{text}.format({values})") == wanted
    # A text that is known only while running is formatted in the same way.
    assert derived(f"({text} + '').format({values})") == wanted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('("%d" + "").format(["a"])', "%d does not take string"),
        ('("%d %d" + "").format([1])', "index 1 out of range"),
        ('("%y" + "").format([1])', "unrecognized formatting clause"),
        ('("%.200f" + "").format([1.5])', "has too many decimals"),
        ('"%s".format([dyn(quantity("1"))])', "does not take kubernetes.Quantity"),
        ('"%s".format([dyn({1.5: 1})])', "no formatting function for map key of type double"),
    ],
)
def test_what_cannot_be_formatted(text: str, words: str) -> None:
    assert words in str(derived(text))


def test_lists_sort_as_in_go() -> None:
    assert derived('[3, 1, 2].sort() == [1, 2, 3] && ["b", "a"].sortBy(x, x) == ["a", "b"]') is True
    assert derived("lists.range(30).sortBy(x, -x)[0]") == 29
    assert derived("lists.range(-1)") == "lists.range: size must be non-negative, got -1"
    assert derived("lists.range(1000001).size()") == "lists.range: size 1000001 exceeds maximum allowed (1000000)"


def test_values_as_attributes() -> None:
    assert as_attribute(()) == {"strings": []}
    assert as_attribute((True,)) == {"bools": [True]}
    assert as_attribute("x") == {"string": "x"}


def test_functions_of_authorization_are_declared_but_of_no_use(answer: Callable[..., bool | str]) -> None:
    assert "`authorizer` is not declared" in str(answer("authorizer.path('/healthz').check('get').allowed()"))
    assert answer("dyn(1).allowed()") == "no such overload: allowed(int)"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('string(timestamp("2020-01-11T0:00:00.5-12:30"))', "2020-01-11T00:00:00.5-12:30"),
        ('timestamp("2020-01-01T00:00:00Z").getMinutes("1:30")', 30),
        ('timestamp("0001-01-01T00:00:00Z").getFullYear("-12:30")', 0),
        ('timestamp("0001-01-01T00:00:00Z").getDayOfWeek("-12:30")', 0),
        ('timestamp("9999-12-31T23:59:59Z").getDayOfYear("1:0")', 0),
        ('timestamp("9999-12-31T23:59:59Z").getFullYear("Asia/Kolkata")', 10000),
        ('timestamp(0).getHours("Nowhere/City")', "unknown time zone Nowhere/City"),
        ('string(double("1_000.5" + ""))', "1000.5"),
        ('string(double("0x1p-2" + ""))', "0.25"),
        ('double("1__0" + "") > 0.0', "type conversion error from 'string' to 'double'"),
        ('"aaa".findAll("a|")', ("a", "a", "a")),
        ('"baac".findAll("a*")', ("", "aa", "")),
        ('semver("1.7.+x-y", true) == semver("1.7.0+x-y")', True),
        ('isSemver("1.02.03", true) && !isSemver("1.02.03") && !isSemver("1.2-rc", true)', True),
    ],
)
def test_as_go_reads_it(text: str, wanted: object) -> None:
    assert derived(text) == wanted
