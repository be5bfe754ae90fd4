"""Fields of registers by name, and which of several layouts is there."""

from __future__ import annotations

from difflib import get_close_matches

from emu.debug.expressions.environment import Environment
from emu.debug.expressions.errors import shortened
from emu.debug.expressions.names import RegisterName
from emu.registers.model import Field
from emu.registers.table import BY_NAME


def fields_of(register: str) -> tuple[Field, ...]:
    """The fields of a system register, those of all layouts; none for other registers."""
    found = BY_NAME.get("NZCV" if register == "nzcv" else register)
    return found.fields if found is not None else ()


def find_fields(register: str, name: str) -> tuple[Field, ...]:
    """The fields of that name, in any case: several where layouts differ."""
    fields = fields_of(register)
    exact = tuple(item for item in fields if item.name == name)
    return exact or tuple(item for item in fields if item.name.lower() == name.lower())


def field_now(fields: tuple[Field, ...], environment: Environment) -> Field | None:
    """Which of several layouts' fields is there."""
    for item in fields:
        if item.when is None:
            return item
        register, _, control = item.when[0].partition(".")
        deciding = field_now(find_fields(register, control), environment)
        if deciding is not None and deciding.of(environment.register(register)) == item.when[1]:
            return item
    return None


def layout_now(fields: tuple[Field, ...], environment: Environment) -> str:
    """The reason why none of these fields is there: "HCR_EL2.E2H is 1"."""
    control = fields[0].when[0] if fields[0].when is not None else ""
    register, _, name = control.partition(".")
    deciding = find_fields(register, name)
    return f"{control} is {deciding[0].of(environment.register(register))}"


def no_such_field(register: RegisterName, name: str) -> str:
    """The sentence about a field that a register does not have."""
    have = list(dict.fromkeys(item.name for item in fields_of(register.source)))
    if not have:
        return f"{register.name} has no fields; for bits, write {register.name}[7:4]."
    lowered = {item.lower(): item for item in have}
    near = get_close_matches(name.lower(), lowered, 1)
    if near:
        return f"{register.name} has no field “{shortened(name)}”; did you mean {register.name}.{lowered[near[0]]}?"
    return f"{register.name} has no field “{shortened(name)}”; its fields are {shortened(', '.join(have), 200)}."


def present_fields(register: str, environment: Environment) -> tuple[Field, ...]:
    """The fields that a register has now, the highest first; none for a name that is no system register's."""
    names = dict.fromkeys(item.name for item in fields_of(register))
    found = [field_now(find_fields(register, name), environment) for name in names]
    return tuple(sorted((item for item in found if item is not None), key=lambda item: -item.high))
