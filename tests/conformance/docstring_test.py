"""What docstrings say about arguments and defaults is what signatures say."""

import inspect
import re
from collections.abc import Iterator

import pytest

from tests.conformance.signatures import is_ours, parameters
from tests.conformance.sources import public_objects, public_packages

ENTRY = re.compile(r"^ {4}(\*{0,2}\w+)(?: \([^)]*\))?:", re.MULTILINE)
DEFAULT = re.compile(r"[Dd]efaults? (?:to|is) (`[^`]+`|[-\w]+(?:\.\d+)?)")


def section(docstring: str, title: str) -> str:
    """The indented lines under `title:`; an empty text where there are none."""
    found = re.search(rf"^{title}:\n((?:    .*\n|\n)+)", docstring + "\n", re.MULTILINE)
    return found.group(1) if found else ""


def entries(text: str) -> dict[str, str]:
    """Argument name -> what a section says about it."""
    _, *parts = ENTRY.split(text)  # name, what follows it, name, ...
    return dict(zip(parts[::2], parts[1::2], strict=True))


def own_docstring(thing: object) -> str:
    """The docstring written on the thing itself, not on a base class."""
    text = vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__
    return inspect.cleandoc(text or "")


def shown_name(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
    return stars.get(parameter.kind, "") + parameter.name


def public_classes_and_functions() -> Iterator[tuple[str, object]]:
    """Each of our public classes and functions once, under its first public name."""
    seen = set()
    for package in public_packages():
        for name, thing in public_objects(package).items():
            documented = inspect.isclass(thing) or inspect.isfunction(thing)
            if documented and is_ours(thing) and id(thing) not in seen:
                seen.add(id(thing))
                yield f"{package}.{name}", thing


def methods(cls: type) -> Iterator[tuple[str, object]]:
    for name, member in vars(cls).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            yield name, member


def has_own_arguments(thing: object) -> bool:
    """Whether a class says itself what it is made from, and does not inherit it."""
    record = hasattr(thing, "model_fields") or hasattr(thing, "_fields")
    return inspect.isclass(thing) and (record or "__init__" in vars(thing))


def stated_arguments(docstring: str) -> dict[str, str]:
    """What `Args` says, or `Attributes` of a record whose fields are its arguments."""
    return entries(section(docstring, "Args") or section(docstring, "Attributes"))


def disagreement(thing: object, docstring: str) -> str:
    """What is said otherwise than the signature has it; an empty text where nothing."""
    stated = stated_arguments(docstring)
    real = {shown_name(p): p for p in parameters(thing).values() if p.name != "self"}
    if sorted(stated) != sorted(real):
        return f"documented are {list(stated)}, the signature has {list(real)}"
    for name, text in stated.items():
        default = DEFAULT.search(text)
        if default is None or real[name].default is inspect.Parameter.empty:
            continue
        said = default.group(1).strip("`").strip("\"'")
        if str(real[name].default) != said:
            return f"{name} defaults to {real[name].default!r}, not {said}"
    return ""


@pytest.mark.parametrize("package", public_packages())
def test_public_classes_and_functions_have_a_docstring(package):
    bare = [
        name
        for name, thing in public_objects(package).items()
        if (inspect.isclass(thing) or inspect.isfunction(thing))
        and is_ours(thing)
        and not own_docstring(thing)
    ]
    assert not bare, f"in {package}: {bare}"


def test_arguments_and_defaults_are_documented_as_they_are():
    wrong = {}
    for name, thing in public_classes_and_functions():
        docstring = own_docstring(thing)
        needed = has_own_arguments(thing) and len(parameters(thing)) > 1
        if needed or section(docstring, "Args"):
            wrong[name] = disagreement(thing, docstring)
    wrong = {name: text for name, text in wrong.items() if text}
    assert not wrong, "\n".join(f"{name}: {text}" for name, text in wrong.items())


def test_arguments_of_methods_are_documented_as_they_are():
    wrong = {}
    for name, thing in public_classes_and_functions():
        for method_name, method in methods(thing) if inspect.isclass(thing) else ():
            docstring = inspect.cleandoc(method.__doc__ or "")
            if section(docstring, "Args"):
                wrong[f"{name}.{method_name}"] = disagreement(method, docstring)
    wrong = {name: text for name, text in wrong.items() if text}
    assert not wrong, "\n".join(f"{name}: {text}" for name, text in wrong.items())


def test_call_arguments_of_layers_are_those_of_call():
    wrong = {}
    for name, thing in public_classes_and_functions():
        docstring = own_docstring(thing)
        stated = entries(section(docstring, "Call arguments")).keys() - {"training"}
        if stated:
            names = map(shown_name, parameters(thing.call).values())
            real = set(names) - {"self", "training"}
            if stated != real:
                wrong[name] = f"call arguments are {stated}, `call` has {real}"
    assert not wrong, "\n".join(f"{name}: {text}" for name, text in wrong.items())


def test_disagreements_are_found():
    def scale(values: list[float], factor: float = 2.0) -> None:
        """Never called."""

    text = "Scales.\n\nArgs:\n    values: Numbers.\n    factor: By what. {}\n"
    assert disagreement(scale, text.format("Defaults to 2.0.")) == ""
    assert "not 3.0" in disagreement(scale, text.format("Defaults to 3.0."))
    assert "signature has" in disagreement(scale, "Args:\n    values: Numbers.\n")
    assert "signature has" in disagreement(scale, "Says nothing of them.")
