"""Laws of the formatter, on whole generated files."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dra_policy.diagnostics import as_text
from dra_policy.language import format_policy, format_text, parse
from dra_policy.language.formatter import WIDTH
from dra_policy.source import Source

few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def parsed(text):
    file, problems = parse(Source("test.dra", text))
    assert not problems, as_text(problems) + text
    return file


@few
@given(data=st.data())
def test_what_is_printed_is_parsed_as_the_same_tree(policies, data):
    file = data.draw(policies.files)
    assert parsed(format_policy(file)) == file


@few
@given(data=st.data())
def test_formatting_does_not_change_a_tree_or_its_comments(policies, data):
    _, text, comments = data.draw(policies.layouts)
    file = parsed(text)
    assert [comment.text for comment in file.comments] == comments
    # Comments count in the equality of files, so this is about their order too.
    assert parsed(format_policy(file)) == file


@few
@given(data=st.data())
def test_formatting_twice_is_formatting_once(policies, data):
    _, text, _ = data.draw(policies.layouts)
    once = format_text(Source("test.dra", text))
    assert format_text(Source("test.dra", once)) == once


@few
@given(data=st.data())
def test_layout_means_nothing(policies, data):
    file, text, comments = data.draw(policies.layouts)
    read = parsed(text)
    assert (read.header, read.imports, read.statements) == (file.header, file.imports, file.statements)
    if not comments:
        assert parsed(text.replace("\r\n", " ").replace("\n", " ")) == file


@few
@given(data=st.data())
def test_the_layout_is_tidy(policies, data):
    _, text, _ = data.draw(policies.layouts)
    lines = format_text(Source("test.dra", text)).split("\n")
    assert lines[-1] == ""
    assert lines[-2] != ""
    for line, following in itertools.pairwise(lines):
        assert line or following or following is lines[-1], "one blank line at most"
        assert "\t" not in line.split("#")[0].split('"')[0]
        assert not line or not line[-1].isspace() or "#" in line
        assert not (line.endswith("{") and "#" not in line and not following), "no blank line behind a brace"


@few
@given(data=st.data())
def test_a_line_is_longer_than_wanted_only_where_it_cannot_be_broken(policies, data):
    condition = data.draw(policies.conditions)
    from dra_policy.language.chunks import condition_chunks, joined

    longest = max(len(chunk.text) for chunk in joined(condition_chunks(condition)))
    from dra_policy.language.formatter import _lines

    row = joined(condition_chunks(condition))
    for line in _lines(row, "    ", ()):
        assert len(line) <= max(WIDTH, 12 + longest)


@given(data=st.data())
def test_an_amount_has_one_spelling(policies, data):
    from dra_policy.language import spelling

    amount = data.draw(policies.amounts)
    text = spelling.amount(amount)
    file = parsed(f"policy a version 1.0 language 1 define a of b = x == {text}")
    assert file.statements[0].condition.right == amount
    assert policies.tokens(text) == [text]
