from __future__ import annotations

import json
from xml.etree.ElementTree import Element, SubElement, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from almaflow.alma.calls import parameters_body
from almaflow.alma.payload import (
    ParameterRepeated,
    PayloadInvalid,
    merge_parameters,
    parse_payload,
    read_payload,
)
from almaflow.alma.wire import JobParameter as P

XML = """<?xml version="1.0" encoding="UTF-8"?>
<job>
  <parameters>
    <parameter><name>xxx</name><value>1</value></parameter>
    <!-- twice -->
    <parameter><name>xxx</name><value/></parameter>
    <parameter><name>flag</name></parameter>
    <parameter><name>set_id</name><value>80</value></parameter>
  </parameters>
</job>
"""

WIZARD = [P("a", "1"), P("xxx", "1"), P("xxx", "2"), P("set_id", "80"), P("job_name", "n")]


def test_an_xml_payload_keeps_order_repetitions_and_empty_values() -> None:
    expected = [P("xxx", "1"), P("xxx", ""), P("flag", ""), P("set_id", "80")]

    assert parse_payload(XML) == expected
    assert parse_payload(XML.encode()) == expected
    assert parse_payload(b"\xef\xbb\xbf" + XML.encode()) == expected
    assert parse_payload("\ufeff" + XML) == expected
    assert parse_payload(XML.replace("UTF-8", "UTF-16").encode("utf-16")) == expected


def test_a_json_payload_keeps_the_characters_of_its_values() -> None:
    text = """{"parameter": [
        {"name": {"value": "a"}, "value": "x"}, {"name": "b", "value": true},
        {"name": {"value": "c"}, "value": 12345678901234567890}, {"name": "d", "value": 1.10},
        {"name": "e", "value": null}, {"name": "f"}, {"name": "g", "value": false}]}"""
    expected = [P("a", "x"), P("b", "true"), P("c", "12345678901234567890"), P("d", "1.10")]
    expected += [P("e", ""), P("f", ""), P("g", "false")]

    assert parse_payload(text) == expected
    assert parse_payload(text.encode("utf-8-sig")) == expected
    assert parse_payload(text.encode("utf-16")) == expected


@pytest.mark.parametrize(
    "text",
    [
        '[{"name": "a", "value": "1"}]',
        '{"job": {"parameter": [{"name": "a", "value": "1"}]}}',
        '{"parameters": {"parameter": [{"name": {"value": "a"}, "value": "1"}]}}',
        "<parameters><parameter><name>a</name><value>1</value></parameter></parameters>",
        '<job xmlns="urn:x"><id>M1</id><parameters><parameter><name desc="A">a</name>'
        "<value>1</value></parameter></parameters></job>",
        '{"job": {"parameters": {"parameter": {"name": {"#text": "a", "@d": ""}, "value": "1"}}}}',
        '{"parameter": [{"name": {"$t": "a"}, "value": {"$t": "1"}}]}',
        "```xml\n<job><parameter><name>a</name><value>1</value></parameter></job>\n```",
        "- <job>\n- <parameter>\n  <name>a</name>\n  <value>1</value>\n  </parameter>\n</job>",
        "&lt;job&gt;&lt;parameter&gt;&lt;name&gt;a&lt;/name&gt;&lt;value&gt;1&lt;/value&gt;"
        "&lt;/parameter&gt;&lt;/job&gt;",
        "\u200b\u00a0<job><parameter><name>a</name><value>1</value></parameter></job>",
    ],
)
def test_payloads_come_in_several_wrappings(text: str) -> None:
    assert parse_payload(text) == [P("a", "1")]


@pytest.mark.parametrize("text", ["{}", "<job/>", "<job></job>", '{"parameter": null}', "[]"])
def test_a_payload_may_be_without_parameters(text: str) -> None:
    assert parse_payload(text) == []


@pytest.mark.parametrize(
    ("source", "message", "line", "column"),
    [
        ("", "The payload is empty", 1, 1),
        (b" \n", "The payload is empty", 1, 1),
        ("name: value", "neither XML nor JSON", 1, 1),
        (b"\x89PNG", "byte 0x89 at position 0 is not UTF-8", 1, 1),
        ("<job>\n <parameters>\n</job>", "does not close the element", 3, 3),
        ('<!DOCTYPE job [<!ENTITY a "b">]>\n<job>&a;</job>', "DOCTYPE", 1, 15),
        ("<job>\n  <parameters>\n    <param/>", "end of the payload is missing", 3, 13),
        ("<job><parameters>\n  <param/></parameters></job>", "<param> where", 2, 3),
        ("<job><parameters>\n <parameter/></parameters></job>", "no name", 2, 2),
        (
            "<job><parameters><parameter><name>a</name>\n<value><b/></value></parameter>"
            "</parameters></job>",
            "<value> contains further elements",
            2,
            8,
        ),
        ("<html/>", "This is a web page, not the payload", 1, 1),
        (b'<?xml version="1.0" encoding="klingon"?><job/>', "unknown encoding", 1, 31),
        ("<a>" * 101, "deeper than 100 levels", 1, 304),
        ('{"parameter": [\n  {"name" "a"}]}', "Expecting ':' delimiter", 2, 11),
        (b'{"parameter":\n "\xe9"}', "byte 0xe9 at position 16 is not UTF-8", 2, 3),
        ('{"parameter": {"a": 1}}', "no list `parameter`", 1, 1),
        ('{"set_id": "80"}', "no list `parameter`", 1, 1),
        ('["a"]', "Parameter 1 of the payload is not an object", 1, 1),
        ('[{"name": "a"}, {"value": "b"}]', "Parameter 2 of the payload has no name", 1, 1),
        ('[{"name": "a", "value": [1]}]', "parameter 1 of the payload (`a`) is not text", 1, 1),
        ('[{"name": "a", "value": "\\ud800"}]', "half of a character", 1, 1),
        ("[" * 100_000, "nested too deep", 1, 1),
    ],
)
def test_a_broken_payload_is_refused_with_its_place(
    source: str | bytes, message: str, line: int, column: int
) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        parse_payload(source)

    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


# Characters that XML 1.0 can carry; a carriage return would come back as a newline.
xml_text = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
)
# A name with characters that nobody sees (category Cf) is refused.
names = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cf"), exclude_characters="\ufffe\uffff")
)
names = names.map(str.strip).filter(bool)
parameters = st.lists(st.builds(P, names, xml_text), max_size=20)


@given(parameters)
def test_a_json_payload_comes_back_as_it_was(given_parameters: list[P]) -> None:
    assert parse_payload(json.dumps(parameters_body(given_parameters))) == given_parameters


@given(parameters)
def test_an_xml_payload_comes_back_as_it_was(given_parameters: list[P]) -> None:
    root = Element("job")
    listed = SubElement(root, "parameters")
    for parameter in given_parameters:
        element = SubElement(listed, "parameter")
        SubElement(element, "name").text = parameter.name
        SubElement(element, "value").text = parameter.value

    assert parse_payload(tostring(root)) == given_parameters


def test_a_mapping_replaces_a_value_and_puts_new_names_before_the_set() -> None:
    merged = merge_parameters(WIZARD, {"new": "n", "a": "2", "newer": ""}, None, "mine")

    assert merged == [
        P("a", "2"),
        P("xxx", "1"),
        P("xxx", "2"),
        P("new", "n"),
        P("newer", ""),
        P("set_id", "80"),
        P("job_name", "mine"),
    ]


def test_a_mapping_refuses_a_name_that_the_payload_has_twice() -> None:
    with pytest.raises(ParameterRepeated, match="`xxx` 2 times") as caught:
        merge_parameters(WIZARD, {"xxx": "3"}, None, None)

    assert caught.value.name == "xxx"


def test_a_list_replaces_all_of_its_names_in_its_order() -> None:
    overrides = [P("new", "n"), P("xxx", "8"), P("xxx", "9"), P("xxx", "10")]

    assert merge_parameters(WIZARD, overrides, "81", None) == [
        P("a", "1"),
        *overrides,
        P("set_id", "81"),
    ]


def test_a_list_of_new_names_goes_before_the_set() -> None:
    merged = merge_parameters([P("set_id", "80")], [P("x", "1"), P("x", "2")], None, None)

    assert merged == [P("x", "1"), P("x", "2"), P("set_id", "80")]


def test_without_payload_set_and_name_come_last_as_in_the_wizard() -> None:
    merged = merge_parameters([], {"set_id": "0", "b": "1", "job_name": "x"}, "80", "mine")

    assert merged == [P("b", "1"), P("set_id", "80"), P("job_name", "mine")]


def test_set_and_name_are_filled_once_even_when_the_payload_repeats_them() -> None:
    payload = [P("job_name", "a"), P("set_id", "1"), P("set_id", "2"), P("job_name", "b")]

    assert merge_parameters(payload, {}, "80", "c") == [P("job_name", "c"), P("set_id", "80")]


def test_no_name_is_sent_when_none_is_wanted() -> None:
    assert P("job_name", "n") not in merge_parameters(WIZARD, {}, None, None)


ONE = "<job><parameters><parameter><name>a</name><value>1</value></parameter></parameters></job>"
URL = "https://api-na.hosted.exlibrisgroup.com/almaws/v1/conf/jobs/M28?op=run"


@pytest.mark.parametrize(
    "text",
    [
        f"POST {URL}\n{ONE}",
        f"URL: {URL}\n\nPayload:\n{ONE}\n",
        f"{ONE}\nPOST {URL}\n",
        f"https://[x/conf/jobs/M28?op=run\n{ONE}",
        f"POST {URL}\n<?xml version='1.0' encoding='UTF-8'?>\n{ONE}",
        f'{URL}\r\n{{"parameter": [{{"name": {{"value": "a"}}, "value": "1"}}]}}',
        f"POST /almaws/v1/conf/jobs/M28?op=run\n{ONE}",
        f"**URL:** `{URL}`\n\n```xml\n{ONE}\n```",
        f"curl -X POST '{URL}' -H 'Content-Type: application/xml' -d '{ONE}'",
        f"curl \"{URL}\" \\\n  --data-raw='{ONE}'",
        f'$ curl --json \'[{{"name": "a", "value": 1}}]\' {URL}',
        ONE.replace("<job>", f'<job link="{URL.partition("?")[0]}">'),
        ONE.replace("<job>", "<job><id>M28</id><name>Delete</name>"),
        '{"id": "M28", "name": "Delete", "parameter": [{"name": "a", "value": "1"}]}',
        '{"job": {"id": {"value": "M28"}, "parameters": {"parameter": {"name": "a", "value": 1}}}}',
    ],
)
def test_the_job_is_read_from_the_url_or_the_payload(text: str) -> None:
    payload = read_payload(text)

    assert (payload.job, payload.parameters) == ("M28", [P("a", "1")])


@pytest.mark.parametrize(
    "text",
    [
        '{"name": {"value": "a"}, "value": "1"}',
        '{"parameters": {"parameter": {"name": "a", "value": "1"}}}',
        "<job><parameter><name>a</name><value>1</value></parameter></job>",
        ' \n<?xml version="1.0"?>' + ONE,
    ],
)
def test_a_single_parameter_needs_no_list(text: str) -> None:
    assert parse_payload(text) == [P("a", "1")]


def test_a_job_without_parameters_has_none() -> None:
    assert read_payload('{"id": "S1", "name": "x"}').job == "S1"
    assert read_payload("<job><id>S1</id><parameters/></job>").parameters == []


@pytest.mark.parametrize("text", [json.dumps(ONE), json.dumps('[{"name": "a", "value": "1"}]')])
def test_a_payload_that_is_a_string_of_json_is_read(text: str) -> None:
    assert [one.value for one in read_payload(text).parameters] == ["1"]


def test_an_id_of_a_set_loses_the_white_space_around_it() -> None:
    text = json.dumps([{"name": "set_id", "value": "\n 80 \n"}, {"name": "a", "value": " 80 "}])

    assert read_payload(text).parameters == [P("set_id", "80"), P("a", " 80 ")]


def test_values_with_the_line_breaks_of_an_editor_are_listed() -> None:
    entries = [("a", "\n1\n"), ("b", "1\n2"), ("c", " 1 "), ("d", "1\n  "), ("e", "  \n 1")]
    text = json.dumps([{"name": name, "value": value} for name, value in entries])

    assert read_payload(text).laid_out() == ["a", "d", "e"]


def valued(value: str) -> str:
    return ONE.replace("<value>1", f"<value>{value}")


@pytest.mark.parametrize(
    ("source", "advice", "line"),
    [
        (valued("Smith &Co"), "`Smith &amp;Co`", 1),
        (valued("\nR&D"), "`R&amp;D`", 2),
        (valued("Q & "), "`Q &amp;`", 1),
        (valued("caf&eacute;"), "Write `&#233;`", 1),
        (valued("a&nbsp;b"), "Write `&#160;`", 1),
        (valued("a&nothing;b"), "&amp;", 1),
        (valued("a < b"), "`&lt;`", 1),
        (valued("pages <5"), "`&lt;`", 1),
        (valued("a\x02b"), "U+0002", 1),
        (valued("a&#1;b"), "`&#1;`", 1),
        (ONE.replace("<name>", "<name desc=\u00abx\u00bb>"), "typographic", 1),
        (ONE.replace("<name>", "<name desc=x>"), "straight quotation marks", 1),
        (ONE.partition("<value>")[2], "neither XML", 1),
        (ONE.partition("<parameter>")[2], "beginning of the payload is missing", 1),
        ("</name><value>1</value></parameter></job>", "beginning of the payload is missing", 1),
        ("name>a</name>", "beginning of the payload is missing", 1),
        ("<parameter><name>a</name></parameter>\n" * 2, "beginning of the payload is missing", 2),
        ("<parameter><name>a</name></parameter>", "beginning of the payload is missing", 1),
        (ONE[:-3], "end of the payload is missing", 1),
        (ONE[:-8], "end of the payload is missing", 1),
        (ONE[:40], "end of the payload is missing", 1),
        (ONE + "\nand so on", "Text follows the end", 2),
        (ONE + ONE, "Text follows the end", 1),
        ("Here it is:\n" + ONE, "`Here it is:`", 1),
        ("XML:\n" + ONE + "\nCopy", "`Copy`. Keep only the part from `<job` to `</job>`", 1),
        ("'" + ONE + "'", "Keep only the part", 1),
        ("key=l8xx0123456789abcdef0123456789abcdef01\n" + ONE, "`key=***`", 1),
        (ONE + " <- this", "Text follows the end of the payload: `<- this`", 1),
        (ONE + "\n</pre>", "Text follows the end of the payload: `</pre>`", 2),
        (ONE + "\n" + ONE, "another payload", 2),
        ("> <job>\n> </job>", "Each line begins with `>`", 1),
        ("1 <job>\n2 </job>", "Each line begins with its number", 1),
        (ONE.replace("<parameters>", "<parameters>…"), "text between the elements", 1),
        ("<Job/>", "Write it in lower case", 1),
        ("%3Cjob%3E", "percent-encoded", 1),
        ("\uff1cjob\uff1e", "full-width", 1),
        ("q=1\nset_id=38", "below `parameters:`", 1),
        ("{parameter: []}", 'Write `"parameter"`', 1),
        ('[{"name": "a", "value": None}]', "Write `null`", 1),
        ("{\\rtf1 x}", "plain text", 1),
        ('"no payload"', "neither XML nor JSON", 1),
        ("Copied:\n" + ONE, "Text precedes", 1),
        (
            '<job><parameters><parameter name="q" value="a&amp;b"/></parameters></job>',
            "<name>q</name><value>a&amp;b</value>",
            1,
        ),
        (
            "<job><parameters><parameter><name>\u200bq</name></parameter></parameters></job>",
            "U+200B",
            1,
        ),
        ('{"parameter": [{"name": {"value": "q\u200b"}}]}', "U+200B", 1),
        (
            "<web_service_result><errorsExist>true</errorsExist></web_service_result>",
            "error message of Alma",
            1,
        ),
        ('{"errorsExist": true, "errorList": {}}', "error message of Alma", 1),
        ('{"id": "3896", "job_info": {"id": "M44"}}', "a run of a job", 1),
        ("<set><id>1</id></set>", "This is a set", 1),
        ("<!DOCTYPE html><html><body/></html>", "a web page", 1),
        ('{"q": "1", "set_id": "38"}', "below `parameters:`", 1),
        ('{"parameter": [ // from Alma\n]}', "JSON has no comments. Remove `// from Alma`", 1),
        ('"parameter": [', "beginning of the payload is missing", 1),
        ('{"parameter": [{"name": "a"', "end of the payload is missing", 1),
        ('[{"name": "a"},]', "comma", 1),
        ("[{\u201cname\u201d: 1}]", "typographic", 1),
        ("[]\n[]", "Text follows the end", 2),
        ('[{"name": "a",\n"value": "1",\n"value": "2"}]', "twice", 3),
        ('{"a": {"value": 1}, "a": 2}', "`a` is in the same object twice", 1),
        ("<job><parameters/><parameters/></job>", "twice", 1),
        (f"{URL}\n<job><id>M29</id></job>", "M29", 1),
        (f"{URL.replace('=run', '=stop')}\n{ONE}", "op=run", 1),
        (f"curl {URL}", "no payload", 1),
        (f"curl {URL} -d @file.xml", "`file.xml`", 1),
        (f"curl {URL} -d '<job>", "not closed", 1),
        (f"curl {URL} -d op=run -d '{ONE}'", "2 payloads", 1),
        (f"curl {URL} --json '[' -d '{ONE}'", "2 payloads", 1),
        (f"curl {URL} -d '{ONE}' -d @more.xml", "`more.xml`", 1),
        ("<job><id>Export</id></job>", "`Export`", 1),
    ],
)
def test_every_fault_says_what_to_do(source: str, advice: str, line: int) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        parse_payload(source)

    assert advice in str(caught.value)
    assert caught.value.line == line
