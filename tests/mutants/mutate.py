"""Small faults in a module's syntax tree: a comparison, a constant, ``and``/``or``, ``not`` or a sign is changed."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

#: What each operator becomes. Only the bound of an order moves: its reversal would be noticed by any test.
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.USub: ast.UAdd,
}
LONGEST_PHRASE = 70

#: Fields that say nothing about what runs: types, and the options of a class or a decorator.
_UNSEEN = {"annotation", "returns", "decorator_list"}


@dataclass(frozen=True)
class Mutant:
    """``field`` of ``node`` becomes ``value``. ``name`` stays the same while other lines of the module change."""

    name: str
    node: ast.AST
    field: str
    value: object

    def apply(self) -> None:
        setattr(self.node, self.field, self.value)


def mutants(tree: ast.Module) -> list[Mutant]:
    """All of them, in the order of the text. Each is one change of ``tree``, in place."""
    seen: Counter[str] = Counter()
    found = []
    for scope, parent, node in _within(tree, tree, ()):
        for field, value in _changes(node):
            name = f"{scope or 'module'}: {_phrase(parent, node)} -> {_changed_phrase(parent, node, field, value)}"
            seen[name] += 1
            suffix = f" (number {seen[name]})" if seen[name] > 1 else ""
            found.append(Mutant(name + suffix, node, field, value))
    return found


def _within(parent: ast.AST, node: ast.AST, scope: tuple[str, ...]) -> Iterator[tuple[str, ast.AST, ast.AST]]:
    yield ".".join(scope), parent, node
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        scope = (*scope, node.name)
    for field, value in ast.iter_fields(node):
        if field in _UNSEEN or (isinstance(node, ast.ClassDef) and field == "keywords"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _within(node, child, scope)


def _changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    """Fields of the node with what they may become."""
    if isinstance(node, ast.Compare):
        for index, op in enumerate(node.ops):
            yield "ops", [*node.ops[:index], SWAPS[type(op)](), *node.ops[index + 1 :]]
    elif isinstance(node, ast.BoolOp | ast.BinOp | ast.AugAssign | ast.UnaryOp) and type(node.op) in SWAPS:
        yield "op", SWAPS[type(node.op)]()
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "operand", ast.UnaryOp(ast.Not(), node.operand)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        yield "value", _other(node.value)


def _other(value: float) -> float:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else float(f"{value * 1.5:.6g}") or 1.0


def _phrase(parent: ast.AST, node: ast.AST) -> str:
    """The node as text, a constant with what stands around it unless that is long."""
    around = ast.unparse(parent) if isinstance(node, ast.Constant) else ""
    return around if around and "\n" not in around and len(around) <= LONGEST_PHRASE else ast.unparse(node)


def _changed_phrase(parent: ast.AST, node: ast.AST, field: str, value: object) -> str:
    before = getattr(node, field)
    setattr(node, field, value)
    try:
        return _phrase(parent, node)
    finally:
        setattr(node, field, before)
