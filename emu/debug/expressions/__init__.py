"""The one expression language: conditions, addresses, values, what is printed and what is changed.

    expression = compile("x0 == 5 && [sp + 8].w > 3", vocabulary(machine))
    expression.evaluate(MachineEnvironment(machine))

`vocabulary(machine, given=...)` says which names there are: `given` are those of the caller's own, such as an
event's values; their numbers come with each evaluation: `expression.evaluate(environment, {"value": 7})`.
Whatever is wrong, with the text or when it is evaluated, is an `ExpressionError`: one sentence and a position.
"""

from __future__ import annotations

from emu.debug.expressions.compiler import Expression, compile
from emu.debug.expressions.completion import completions
from emu.debug.expressions.environment import Environment, MachineEnvironment, NeedsMachineError, RegisterValues
from emu.debug.expressions.errors import ExpressionError
from emu.debug.expressions.names import ACCESS_WORDS, SECURITY_WORDS, Given, Vocabulary, vocabulary
from emu.debug.expressions.targets import Change, Target, compile_target

__all__ = [
    "ACCESS_WORDS",
    "SECURITY_WORDS",
    "Change",
    "Environment",
    "Expression",
    "ExpressionError",
    "Given",
    "MachineEnvironment",
    "NeedsMachineError",
    "RegisterValues",
    "Target",
    "Vocabulary",
    "compile",
    "compile_target",
    "completions",
    "vocabulary",
]
