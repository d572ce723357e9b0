"""Take from a module's tree what could reach out of the judged code.

The judged code gets stand-ins, some builtins and a little of the standard library (`harmless.py`).
Python itself knows ways from any of them to everything else: `().__class__.__base__`, `f.__code__`,
`generator.gi_frame`. No such attribute is ever compiled: who reads it gets an unknown. All other
attributes are read by a hook of the instrument, which shows of a stand-in what the real thing has.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Mapping
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    GenericAlias,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import TypeGuard, TypeVar, cast

from flake8_asyncwait.replay.lives import Standin
from flake8_asyncwait.replay.text.locate import AnyFunction, CannotLift, hook_call, last_name, words

# What may be read of any object by these names is nothing that its user could not do without.
SAFE_DUNDERS = words(
    """
    __abs__ __add__ __aenter__ __aexit__ __aiter__ __and__ __anext__ __await__ __bool__ __call__
    __cause__ __class_getitem__ __contains__ __context__ __del__ __delitem__ __doc__ __enter__
    __eq__ __exit__ __float__ __ge__ __getitem__ __gt__ __hash__ __index__ __init__
    __init_subclass__ __int__ __iter__ __le__ __len__ __lt__ __module__ __name__ __ne__ __new__
    __next__ __or__ __post_init__ __qualname__ __repr__ __reversed__ __set_name__ __setitem__
    __str__ __sub__
    """
)
OPERATORS = words("add and divmod floordiv lshift matmul mod mul or pow rshift sub truediv xor")
# What a class of the judged code may have besides: operators, and what it answers for itself. Not
# what the library asks an object before it acts on it (`__reduce_ex__`, `__copy__`, `__class__`),
# nor what Python asks a class about others (`__subclasshook__`, `__instancecheck__`), nor where it
# is from, as library functions take its word for that.
BINDABLE_DUNDERS = (
    SAFE_DUNDERS
    | {f"__{prefix}{name}__" for prefix in ("", "r", "i") for name in OPERATORS}
    | words(
        """
        __bytes__ __ceil__ __complex__ __delattr__ __delete__ __floor__ __format__ __get__
        __invert__ __length_hint__ __missing__ __neg__ __pos__ __round__ __set__ __setattr__
        __trunc__
        """
    )
) - words("__cause__ __context__ __module__ __qualname__")
# What the compiler itself puts into a class.
COMPILED = words(
    """
    __annotate__ __annotate_func__ __annotations__ __classcell__ __classdict__ __classdictcell__
    __conditional_annotations__ __firstlineno__ __module__ __qualname__ __static_attributes__
    __type_params__
    """
)
ASKED_BY_NAME = "__getattr__"  # only a function, which the hooks keep from hearing hidden names
# What generators, coroutines, frames and tracebacks know, what a class inherits from, how an enum
# takes in a real module or any other name, and whose methods an exit stack calls.
FRAMES = words(
    """
    ag_await ag_code ag_frame cr_await cr_code cr_frame cr_origin f_back f_builtins f_code
    f_generator f_globals f_locals gi_code gi_frame gi_yieldfrom mro tb_frame tb_next _convert_
    _add_alias_ _add_member_ _add_value_alias_ _exit_callbacks
    """
)
MODULE_NAME = "judged"
# What a class is, from Python itself: a metaclass may say something else, and every time another.
mro_of: Callable[[type], tuple[type, ...]] = vars(type)["__mro__"].__get__
module_of: Callable[[type], object] = vars(type)["__module__"].__get__
_name: Callable[[type], str] = vars(type)["__name__"].__get__
args_of: Callable[[BaseException], tuple[object, ...]] = vars(BaseException)["args"].__get__
members_of: Callable[[type], Mapping[str, object]] = vars(type)["__dict__"].__get__
# What a class may have by the name of a method: constants, functions in something, functions of C.
CONSTANTS = (type(None), str, bool, int, float, tuple, dict, frozenset)
WRAPPED: Mapping[type, Callable[[object], object]] = {
    kind: vars(kind)["__func__"].__get__ for kind in (classmethod, staticmethod, MethodType)
}
OF_C: Mapping[type, Callable[[object], object]] = {
    kind: vars(kind)["__name__"].__get__
    for kind in (
        BuiltinFunctionType,
        ClassMethodDescriptorType,
        MethodDescriptorType,
        MethodWrapperType,
        WrapperDescriptorType,
    )
}
HIDDEN_NAME = "hidden"  # what a hidden attribute is called where it is set
KNOWN_NAMES = frozenset({"__name__", "__debug__"})
NEVER_BOUND = "__builtins__"
KEPT_CLASS_DECORATORS = frozenset({"dataclass"})
# What binds a name, besides `ast.Name`, classes and functions; the first are no members of a class.
PARAMETERS = (
    ast.arg,
    *(vars(ast)[name] for name in ("ParamSpec", "TypeVar", "TypeVarTuple") if hasattr(ast, name)),
)
BINDING = (
    *PARAMETERS,
    ast.ExceptHandler,
    ast.Global,
    ast.MatchAs,
    ast.MatchMapping,
    ast.MatchStar,
    ast.Nonlocal,
    ast.alias,
)
ScopeNode = TypeVar("ScopeNode", ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def is_hidden(name: str) -> bool:
    """Say whether an attribute of this name is never read for real."""
    return name in FRAMES or (is_dunder(name) and name not in SAFE_DUNDERS)


def is_bindable(name: object) -> bool:
    """Say whether a class of the judged code may have a member of this name."""
    if type(name) is not str:
        return False
    return name in BINDABLE_DUNDERS if is_dunder(name) else name not in FRAMES


def is_method(name: str, value: object) -> bool:
    """Say whether a class may have something for what Python calls by a name: functions, which the
    hooks look after, of C only those of that name. `__eq__ = things.append` would keep what it is
    compared with."""
    kind = type(value)
    if not is_dunder(name) or issubclass(kind, (FunctionType, Standin)):
        return True
    if any(kind is one for one in CONSTANTS):
        return True
    for one, inner in WRAPPED.items():  # by identity: a class may say that it equals one of these
        if kind is one:
            found = inner(value)
            return is_method(name, found) or (found is GenericAlias and kind is classmethod)
    for one, name_of_function in OF_C.items():
        if kind is one:
            return name_of_function(value) == name
    return kind is property and name in ("__doc__", "__name__")


def members_left(members: Mapping[object, object]) -> dict[str, object]:
    """Return what a class may have of the members that its metaclass is given."""
    pairs = ((name, value) for name, value in dict(members).items() if type(name) is str)
    kept = {
        name: value
        for name, value in pairs
        if name in COMPILED or (is_bindable(name) and is_method(name, value))
    }
    return {**kept, "__module__": MODULE_NAME}


def is_open(name: object) -> bool:
    """Say whether something is a name that may be read or set: exactly a text, for one that says of
    itself what it is may say something else when it is asked again."""
    return type(name) is str and not is_hidden(name)


def is_class(thing: object) -> TypeGuard[type]:
    """Say whether something is a class, whatever it says itself."""
    return issubclass(type(thing), type)


def is_own(kind: type) -> bool:
    """Say whether the judged code made a class: all others are everybody's. A module that is judged
    as a whole has no name."""
    module = module_of(kind)
    return type(module) is not str or module == MODULE_NAME


def name_of(kind: type) -> str:
    """Return the name of a class: exactly a text, whatever text it was made with."""
    return str.__str__(_name(kind))


def described(error: BaseException) -> str:
    """Return the class and the text of an error; only the class where the text is up to the judged
    code, which may do anything but tell it."""
    kind = type(error)
    if is_own(kind):
        return name_of(kind)
    try:
        return f"{name_of(kind)}: {error}"
    except BaseException:  # one that is in the error
        return name_of(kind)


def is_dunder(name: str) -> bool:
    """Say whether a name is one of those that Python gives a meaning to."""
    return name.startswith("__") and name.endswith("__")


def mangled(name: str, within: str) -> str:
    """Return what an attribute of this name is called within a class, or outside of all ("")."""
    inner = within.lstrip("_")
    private = name.startswith("__") and not is_dunder(name)
    return f"_{inner}{name}" if inner and private else name


def confine(tree: ast.Module) -> ast.Module:
    """Return the tree without what reaches out. Raises CannotLift where that cannot be done."""
    tree = Confine().visit(tree)
    if any(NEVER_BOUND in _identifiers(node) for node in ast.walk(tree)):
        raise CannotLift(f"it binds {NEVER_BOUND}")
    return tree


def _identifiers(node: ast.AST) -> list[str]:
    """Return the names in a node's own fields."""
    if isinstance(node, ast.Constant):
        return []
    values = [value for _, value in ast.iter_fields(node)]
    several = [one for value in values if isinstance(value, list) for one in value]
    return [value for value in [*values, *several] if isinstance(value, str)]


def _bound_in(node: ast.AST) -> list[str]:
    """Return the names that a node binds which is no `ast.Name`."""
    if isinstance(node, ast.alias):
        return [node.asname or node.name.partition(".")[0]]
    return _identifiers(node)


def _imported(alias: ast.alias) -> ast.stmt:
    package, _, module = alias.name.rpartition(".")
    if not package or alias.asname is None:
        return ast.Import([alias])
    return ast.ImportFrom(package, [ast.alias(module, alias.asname)], 0)


def alternatives(pattern: ast.pattern) -> list[ast.pattern]:
    """Return the patterns of which one has to match, whatever the subject is called then."""
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is not None:
        pattern = pattern.pattern
    return pattern.patterns if isinstance(pattern, ast.MatchOr) else [pattern]


class Confine(ast.NodeTransformer):
    """The rewriting itself. It comes before the instrument, whose own code may read anything.

    `in_class` says that what is bound is a member of a class, `within` is the innermost class.
    """

    def __init__(self) -> None:
        self.in_class = False
        self.within = ""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit what is in a node. Raises CannotLift where it binds what it may not, in a way that
        nobody has a use for: as what is caught, matched or imported."""
        bound = _bound_in(node) if isinstance(node, BINDING) else ()
        members = () if isinstance(node, PARAMETERS) else bound
        if any(map(is_dunder, bound)) or not all(map(self._may_bind, members)):
            raise CannotLift("it binds a name that is Python's own")
        return super().generic_visit(node)

    def _may_bind(self, name: str) -> bool:
        """Say whether a name may be bound here: one that Python gives a meaning to only in a
        class, and there not all."""
        return is_bindable(name) if self.in_class else not is_dunder(name)

    def _scope(self, node: ScopeNode, in_class: bool) -> ScopeNode:
        """Visit a scope: its bases, decorators and defaults are of the scope around it."""
        body, node.body = ast.Module(node.body, []), []
        self.generic_visit(node)
        saved, self.in_class = (self.in_class, self.within), in_class
        if in_class:
            self.within = node.name
        self.generic_visit(body)
        self.in_class, self.within = saved
        node.body = body.body
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        """Classes come without keywords and decorators: nobody knows what these would do."""
        node.name = node.name if self._may_bind(node.name) else HIDDEN_NAME
        node.keywords = []
        node.decorator_list = [
            one for one in node.decorator_list if last_name(one) in KEPT_CLASS_DECORATORS
        ]
        return self._scope(node, in_class=True)

    def _function(self, node: AnyFunction) -> AnyFunction:
        asked = self.in_class and node.name == ASKED_BY_NAME
        if asked:
            node.decorator_list = []  # a property could give any function in its place
        elif not self._may_bind(node.name):
            node.name = HIDDEN_NAME
        return self._scope(node, in_class=False)

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        self.generic_visit(node.args)
        saved, self.in_class = self.in_class, False
        node.body = cast(ast.expr, self.visit(node.body))
        self.in_class = saved
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        """Annotations say which fields a class has, and nothing else."""
        if isinstance(node.target, ast.Name) and not self._may_bind(node.target.id):
            bare = ast.Pass() if node.value is None else ast.Assign([node.target], node.value)
            return cast(ast.stmt, self.visit(ast.copy_location(bare, node)))
        node.annotation = ast.copy_location(ast.Constant(None), node.annotation)
        self.generic_visit(node)
        return node

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        """Refuse to take an attribute for a module, and let `import a.b as c` be `from a import b
        as c`: the former reads attributes past all hooks."""
        if any(is_hidden(part) for alias in node.names for part in alias.name.split(".")):
            raise CannotLift("it imports a hidden attribute")
        self.generic_visit(node)
        return [_imported(alias) for alias in node.names]  # at once: stand-ins cost nothing

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | list[ast.stmt]:
        """Import what is not hidden: of a package's version or path nothing is known."""
        if sys.version_info >= (3, 15):
            node.is_lazy = 0
        hidden = [alias for alias in node.names if is_hidden(alias.name)]
        node.names = [alias for alias in node.names if alias not in hidden]
        if node.names:
            self.generic_visit(node)
        unknown: list[ast.stmt] = [
            ast.Assign(
                [self.visit(ast.Name(alias.asname or alias.name, ast.Store()))],
                hook_call("unknown", ast.Constant(alias.name)),
            )
            for alias in hidden
        ]
        return [node, *unknown] if node.names else unknown

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if not isinstance(node.ctx, ast.Load):
            if self._may_bind(node.id):
                return node
            return ast.copy_location(ast.Name(HIDDEN_NAME, node.ctx), node)
        if not is_dunder(node.id) or node.id in KNOWN_NAMES:
            return node
        return hook_call("unknown", ast.Constant(node.id))

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        node.attr = mangled(node.attr, self.within)  # as what the hooks are asked for
        if not is_hidden(node.attr):
            return node
        found = hook_call("hidden", node.value, ast.Constant(node.attr))
        if isinstance(node.ctx, ast.Load):
            return found
        return ast.copy_location(ast.Attribute(found, HIDDEN_NAME, node.ctx), node)

    def visit_match_case(self, node: ast.match_case) -> ast.match_case:
        read = [n.attr for n in ast.walk(node.pattern) if isinstance(n, ast.Attribute)]
        if any(map(is_hidden, read)):
            raise CannotLift("it has a pattern that reads a hidden attribute")
        inside = [one for one in ast.walk(node.pattern) if isinstance(one, ast.MatchClass)]
        if any(one not in alternatives(node.pattern) for one in inside):
            raise CannotLift("it has a class pattern in another pattern")
        self.generic_visit(node)
        return node

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.MatchClass:
        """Refuse to take objects apart: a pattern reads attributes past all hooks."""
        if node.patterns or node.kwd_patterns or not isinstance(node.cls, ast.Name):
            raise CannotLift("it has a class pattern")
        self.generic_visit(node)
        return node
