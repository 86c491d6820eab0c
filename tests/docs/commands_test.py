"""Commands, configurations and JSON that the pages print are ones that we accept."""

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from tests.docs.pages import ROOT, Block, blocks_in, name_of
from tfctr.features import FeatureSchema

TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)


def at(block: Block) -> str:
    return f"{name_of(block.page)}:{block.line}"


def commands(block: Block) -> Iterator[list[str]]:
    """Words of each command of a block; comments and `&` are left out."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[-1] == "&":
            words.pop()
        if words:
            yield words


def check_command(words: list[str]) -> None:
    """Parses a `tfctr` command without running it; raises what the user would see."""
    from tfctr.cli import app

    command: Any = typer.main.get_command(app)
    name, rest = words[0], words[1:]
    while hasattr(command, "resolve_command"):  # a group of commands
        context = command.make_context(name, list(rest))
        name, command, rest = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
    if "--help" not in rest:
        command.make_context(name, list(rest))


@pytest.mark.parametrize("block", blocks_in("bash"), ids=at)
def test_commands_exist_with_these_options(block):
    targets = TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
    for words in commands(block):
        while "=" in words[0]:
            words = words[1:]
        if words[0] == "tfctr":
            check_command(words)
        elif words[0] == "make":
            named = [word for word in words[1:] if "=" not in word]
            assert set(named) <= set(targets), words


@pytest.mark.parametrize(
    ("command", "finding"),
    [
        ("tfctr trian DIN", "No such command 'trian'"),
        ("tfctr serve", "Missing (argument|parameter)"),
        ("tfctr serve x --prot 1", "No such option"),
    ],
)
def test_a_command_that_does_not_exist_is_found(command, finding):
    with pytest.raises(Exception, match=finding):
        check_command(command.split())


@pytest.mark.parametrize("block", blocks_in("json"), ids=at)
def test_json_parses_and_schemas_are_accepted(block):
    if "labels" in json.loads(block.text):
        FeatureSchema.from_json(block.text)


@pytest.mark.parametrize("block", blocks_in("toml"), ids=at)
def test_configurations_are_accepted(block, tmp_path):
    from tfctr.pipelines.config import load_config

    tomllib.loads(block.text)
    file = tmp_path / "config.toml"
    file.write_text(block.text)
    load_config(file)
