"""Which waits are for what others hold alone: nothing is lost there, whatever the function does.

Without this, a long function that adds to its object's tasks and waits for them is not decided.
"""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.facts import Site
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.sites.fanout import WAIT


def waits_for_others(site: Site) -> bool:
    """Whether a site waits for attributes, or for what they hold: a task that the function has put
    there is handed over."""
    args = site.call.args
    is_plain = bool(args) and not args[0].star
    return site.kind is WAIT and is_plain and _is_of_others(args[0].value)


def _is_of_others(node: ir.Expr) -> bool:
    if isinstance(node, ir.Attr):
        return node.path is not None
    if isinstance(node, ir.Display):
        return bool(node.elements) and all(_is_of_others(each) for each, _ in node.elements)
    if isinstance(node, ir.Call) and known.has(node, known.COLLECTS | known.Trait.OF_MANY):
        owner = [node.func.value] if isinstance(node.func, ir.Attr) else []
        given = [*owner, *(arg.value for arg in node.args)]
        return bool(given) and all(map(_is_of_others, given))
    return False
