"""Rules about files, read from their syntax trees."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.sources import ROOT, source_files, trees

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40
MIRRORED = ("layers", "models", "metrics", "losses")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def lines_without_docstring(function: Function) -> int:
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def imported_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def test_there_are_files_to_check():
    assert {"tfctr", "tfctr.pipelines", "tfctr.serving"} <= source_files().keys()


def test_files_can_be_read_in_one_sitting():
    long = {
        str(path.relative_to(ROOT)): count
        for path in source_files().values()
        if (count := len(path.read_text(encoding="utf-8").splitlines()))
        > MAX_FILE_LINES
    }
    assert not long, f"longer than {MAX_FILE_LINES} lines: {long}"


def test_functions_fit_on_a_screen():
    long = [
        f"{path}:{function.lineno} {function.name} {count}"
        for path, tree in trees().items()
        for function in functions(tree)
        if (count := lines_without_docstring(function)) > MAX_FUNCTION_LINES
    ]
    assert not long, f"longer than {MAX_FUNCTION_LINES} lines: {long}"


def test_every_layer_model_metric_and_loss_has_its_test_file():
    missing = []
    for folder in MIRRORED:
        for path in (ROOT / "tfctr" / folder).rglob("*.py"):
            inner = path.relative_to(ROOT / "tfctr")
            mirror = ROOT / "tests" / inner.with_name(f"{path.stem}_test.py")
            if path.name != "__init__.py" and not mirror.exists():
                missing.append(str(mirror.relative_to(ROOT)))
    assert not missing, f"add {missing}"


def test_nothing_is_marked_unfinished():
    this_file = Path(__file__)
    files = [*source_files().values(), *(ROOT / "tests").rglob("*.py")]
    marks = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        if path != this_file
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert not marks, f"finish, or file an issue: {marks}"


def test_assert_statements_are_only_in_the_testing_package():
    found = [
        f"{path}:{node.lineno}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert) and path.parts[:2] != ("tfctr", "testing")
    ]
    assert not found, f"raise an error with a text instead: {found}"


def test_the_sdk_reads_no_environment_variables():
    found = [
        f"{path}:{node.lineno}"
        for path, tree in trees().items()
        if path.parts[0] == "tfctr"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("os.environ", "os.getenv")
    ]
    assert not found, f"take an argument instead: {found}"


def test_folders_import_under_the_name_they_are_installed_by():
    here = {path.relative_to(ROOT): path for path in (ROOT / "tests").rglob("*.py")}
    every = trees() | {
        name: ast.parse(path.read_text(encoding="utf-8")) for name, path in here.items()
    }
    found = [
        f"{path}:{line}"
        for path, tree in every.items()
        for line, name in imported_names(tree)
        if name.split(".")[0] in ("pipelines", "serving")
    ]
    assert not found, f"import tfctr.pipelines or tfctr.serving: {found}"


# Sparse reads, lists of events, and loops that end with the last event or have a
# gradient by hand: none has a form in keras.ops (decision 0004).
NEED_TENSORFLOW = (
    "tfctr/layers/embedding/",
    "tfctr/layers/sequence/events.py",
    "tfctr/layers/sequence/recurrence.py",
    "tfctr/layers/sequence/event_loop.py",
)


def test_layers_compute_with_keras_only():
    found = [
        f"{path}:{line}"
        for path, tree in trees().items()
        if path.parts[:2] == ("tfctr", "layers")
        and not path.as_posix().startswith(NEED_TENSORFLOW)
        for line, name in imported_names(tree)
        if name.split(".")[0] == "tensorflow"
    ]
    assert not found, f"use keras.ops: {found}"
