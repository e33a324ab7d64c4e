from __future__ import annotations

import doctest
from collections.abc import Iterator

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures.utils import ask_app, entity_address_utils
from flexmeasures.utils.entity_address_utils import (
    EntityAddressException,
    build_entity_address,
    parse_entity_address,
)

HOSTS = {
    "flexmeasures.io": "2021-01",
    "company.flexmeasures.io": "2021-03",
    "foo.co.uk": "2019-12",
    "wind.example.com": "2022-06",
}


@pytest.fixture(autouse=True)
def host() -> Iterator[list[str]]:
    """The host of the request at work, to be replaced by the test."""
    hosts = ["company.flexmeasures.io"]
    before = ask_app._settings, ask_app._host
    ask_app.answer_with(
        settings=lambda: {
            "FLEXMEASURES_HOSTS_AND_AUTH_START": HOSTS,
            "FLEXMEASURES_TIMEZONE": "Europe/Amsterdam",
        },
        host=lambda: hosts[0] if hosts else None,
    )
    yield hosts
    ask_app._settings, ask_app._host = before


def build(host: str | None = None) -> str:
    return build_entity_address({"sensor_id": 73}, "sensor", host=host)


def test_examples_in_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(HOSTS, "company.flexmeasures.io")
    failed, tried = doctest.testmod(
        entity_address_utils, optionflags=doctest.IGNORE_EXCEPTION_DETAIL
    )
    assert tried and not failed


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("flexmeasures.io", "ea1.2021-01.io.flexmeasures:fm1.73"),
        ("company.flexmeasures.io", "ea1.2021-03.io.flexmeasures.company:fm1.73"),
        ("www.flexmeasures.io:5000", "ea1.2021-01.io.flexmeasures:fm1.73"),
        ("FlexMeasures.io", "ea1.2021-01.io.flexmeasures:fm1.73"),
        ("foo.co.uk", "ea1.2019-12.uk.co.foo:fm1.73"),
        ("wind.example.com", "ea1.2022-06.com.example.wind:fm1.73"),
    ],
)
def test_addresses_by_host(name: str, address: str) -> None:
    assert build(name) == address


@pytest.mark.parametrize(
    "name", ["localhost", "localhost:5000", "127.0.0.1", "127.0.0.1:5000", "[::1]:80"]
)
def test_localhost_has_the_authority_of_next_month(name: str) -> None:
    with time_machine.travel("2026-12-31T22:30+00:00"):
        assert build(name) == "ea1.2027-01.localhost:fm1.73"


def test_by_default_the_host_is_that_of_the_request(host: list[str]) -> None:
    assert build() == "ea1.2021-03.io.flexmeasures.company:fm1.73"
    host.clear()
    with time_machine.travel("2026-11-25T00:00+00:00"):
        assert build() == "ea1.2026-12.localhost:fm1.73"


def test_why_an_address_cannot_be_built() -> None:
    with pytest.raises(EntityAddressException, match="Cannot find required field 'sensor_id'"):
        build_entity_address({"market": "epex"}, "market")
    with pytest.raises(
        EntityAddressException,
        match=r"Could not find out when authority for other\.org started\. "
        r"Is FLEXMEASURES_HOSTS_AND_AUTH_START configured for it\?",
    ):
        build("other.org")


def test_parts_of_an_address() -> None:
    address = "ea1.2021-01.io.flexmeasures.company:fm1.73"
    assert parse_entity_address(address, "sensor") == {
        "scheme": "ea1",
        "naming_authority": "2021-01.io.flexmeasures.company",
        "fm_scheme": "fm1",
        "sensor_id": 73,
    }


@pytest.mark.parametrize(
    "address",
    [
        "ea1.1000-01.required-but-unused-field:fm1.73",
        "ea1.2026-12.localhost:fm1.73",
        "ea1.2021-01.io.flexmeasures:fm1.073",
    ],
)
def test_any_well_formed_authority_will_do(address: str) -> None:
    assert parse_entity_address(address, "sensor")["sensor_id"] == 73


@given(st.integers(1, 2**31 - 1), st.sampled_from(sorted(HOSTS)))
def test_addresses_lead_back_to_their_sensor(sensor_id: int, name: str) -> None:
    address = build_entity_address({"sensor_id": sensor_id}, "sensor", host=name)
    assert parse_entity_address(address, "sensor")["sensor_id"] == sensor_id


@pytest.mark.parametrize(
    ("address", "entity_type", "reason"),
    [
        ("", "sensor", "starts with 'ea1'"),
        ("73", "sensor", "starts with 'ea1'"),
        ("ea1.2021-13.io.flexmeasures:fm1.73", "sensor", "After 'ea1.', a date specification"),
        ("ea1.2021.io.flexmeasures:fm1.73", "sensor", "After 'ea1.', a date specification"),
        ("ea1.2021-01.io.flexmeasures:fm1.73", "tree", "Unrecognized entity type 'tree'"),
        (
            "ea1.2021-01.io.flexmeasures:fm0.40:30",
            "connection",
            "starts with 'ea1.2021-03.io.flexmeasures.company:fm1.' and ends with the id",
        ),
        ("ea1.2021-01.io.flexmeasures:40:30", "sensor", "starts with 'ea1.2021-03.io.flexmeasures"),
        (
            "ea1.2021-01.io.flexmeasures.fm1.73",
            "sensor",
            "starts with 'ea1.2021-03.io.flexmeasures",
        ),
        ("ea1.2021-01.io.flexmeasures:fm1.seven", "sensor", "Could not parse sensor ea1.2021-01"),
        ("ea1.2021-01.io.flexmeasures:fm1.-1", "sensor", "Could not parse sensor ea1.2021-01"),
        ("ea1.2021-01.io.flexmeasures:fm1.\u0667", "sensor", "Could not parse sensor ea1.2021-01"),
        ("ea1x2021-01.io.flexmeasures:fm1.73", "sensor", "Could not parse sensor ea1x2021-01"),
        ("ea1.2021-01.io.flexmeasures:fm1." + 5000 * "9", "sensor", "Could not parse sensor"),
    ],
)
def test_why_an_address_cannot_be_read(address: str, entity_type: str, reason: str) -> None:
    with pytest.raises(EntityAddressException, match=reason.replace(".", r"\.")):
        parse_entity_address(address, entity_type)


def test_the_hint_does_not_depend_on_our_own_authority(host: list[str]) -> None:
    host[0] = "other.org"
    with pytest.raises(EntityAddressException, match=r"ea1\.<YYYY-MM>\.<reversed domain>:fm1\."):
        parse_entity_address("ea1.2021-01.io.flexmeasures:fm0.40:30", "connection")


def test_fm0_is_answered_with_what_to_send_instead() -> None:
    hint = r"type fm0 are no longer in use\. Please use type fm1, .*:fm1\.<sensor id>"
    with pytest.raises(EntityAddressException, match=hint):
        build_entity_address({"market_name": "epex"}, "market", fm_scheme="fm0")
    with pytest.raises(EntityAddressException, match=hint):
        parse_entity_address("ea1.2021-01.io.flexmeasures:fm0.epex", "market", fm_scheme="fm0")


@given(st.text(st.sampled_from("ea1.20-:fm37x"), max_size=40))
def test_any_text_is_an_address_or_explained(text: str) -> None:
    try:
        parts = parse_entity_address(text, "sensor")
    except EntityAddressException:
        return
    assert text.endswith(f"{parts['sensor_id']}")
