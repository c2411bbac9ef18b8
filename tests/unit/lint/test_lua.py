"""Health scripts in Lua that say Healthy whichever way they go, and those that may say more."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.rules.manifests.lua import says_only_healthy

HEALTHY, DEGRADED = "hs.status = 'Healthy'", 'hs.status = "Degraded"'


@pytest.mark.parametrize(
    "script",
    [
        f"hs = {{}}\nif obj.status ~= nil then\n  {HEALTHY}\nelse\n  {HEALTHY}\nend\nreturn hs\n",
        f"local hs = {{}}\nif obj.a then {HEALTHY} return hs end\n{HEALTHY}\nreturn hs",
        f"hs = {{status = 'Progressing'}}\nif a then {HEALTHY} elseif b then {HEALTHY} else\n"
        f"{HEALTHY} end return hs;",
        "if obj.status and (not obj.spec.paused or #obj.items > 1) then\n"
        "  return {status = 'Healthy'}\nelse return {['status'] = [[Healthy]]} end",
        f"hs = {{}}\n{HEALTHY}\nif obj.a == 'x' .. 'y' then hs.message = 'Degraded' end\nreturn hs",
        f"local phase = obj.status.phase\nhs = {{}} {HEALTHY}\nif phase == 'Failed' then"
        " hs.message = 'Failed' end return hs",
        "hs = {status = 'Healthy'}\nif a then local hs = {} hs.status = 'Degraded' end\nreturn hs",
        "hs = {status = 'Healthy'}\nif a then\n  if obj.items[1].b then hs = {status = 'Healthy'}"
        " end\nend\nreturn hs",
        "hs = {status = [[\nHealthy]]} return hs",
    ],
)
def test_a_script_whose_branches_all_say_healthy_is_told_of(script: str) -> None:
    assert says_only_healthy(script)


@pytest.mark.parametrize(
    "script",
    [
        "",
        "return",
        "return nil",
        f"hs = {{}}\nif a then {HEALTHY} else {DEGRADED} end\nreturn hs\n",
        f"hs = {{}}\nif a then {HEALTHY} end\nreturn hs\n",
        f"hs = {{}}\nif a then {HEALTHY} return hs end\n",
        f"hs = {{}}\nif a then {HEALTHY} elseif b then {HEALTHY} end\nreturn hs\n",
        "if a then hs = {status = 'Healthy'} end\nreturn hs",
        # The outer table is changed before a local one has its name.
        "hs = {status = 'Healthy'}\nif a then hs.status = 'Degraded' local hs = {} end\nreturn hs",
        "hs = {status = 'Healthy'}\nx = hs\nx.status = 'Degraded'\nreturn hs",
        "hs = {status = 'Healthy'}\nif a then x = (hs) x.status = 'Degraded' end\nreturn hs",
        "hs = {status = 'Healthy'}\nif change() then hs.message = 'x' end\nreturn hs",
        "hs = {status = 'Healthy'}\nif f'x' then hs.message = 'x' end\nreturn hs",
        "hs = {status = 'Healthy'}\nif a then hs.status = m[a] end\nreturn hs",
        "hs = {status = 'Healthy'}\nhs.status = 'Healthy' and nil\nreturn hs",
        "hs = {status = 'Healthy'}\nfor i, c in ipairs(obj.c) do hs.status = 'Degraded' end"
        "\nreturn hs",
        "hs = {status = 'Healthy'}\nif a then return hs end\nhs.status = 'Degraded'\nreturn hs",
        "hs = {status = 'Healthy'} return hs, 1",
        "hs = {status = 'Healthy'} return hs.status",
        "hs = {status = 'Healthy'}[1] return hs",
        "hs = {status = 'Healthy'} return hs return hs",
        "hs = {status = 'Healthy'}\nif a then return hs end end",
        "if a then return {status = 'Healthy'}",
        "hs = {status = 'Healthy\\x41'} return hs",
        "hs = {status = 'Healthy'}\n" + "if a then " * 60 + "end " * 60 + "return hs",
        "hs = {status = 'Healthy'}\nif " + "(" * 60 + "a" + ")" * 60 + " then end return hs",
        "x = 'y'\n" * 6000 + "return {status = 'Healthy'}",
    ],
)
def test_of_any_other_script_nothing_is_said(script: str) -> None:
    assert not says_only_healthy(script)


WORDS = st.sampled_from(["Healthy", "Healthy", "Healthy", "Degraded"])
NAMES = st.sampled_from(["a", "b"])
SIMPLE = st.one_of(
    st.tuples(st.just("make"), st.booleans(), NAMES, WORDS),
    st.tuples(st.just("set"), NAMES, WORDS),
    st.tuples(st.just("aside"), NAMES),
)
RETURN = st.tuples(st.just("return"), NAMES)


def blocks(inner: st.SearchStrategy[object]) -> st.SearchStrategy[list[object]]:
    ends = st.lists(RETURN, max_size=1)
    return st.builds(lambda found, last: [*found, *last], st.lists(inner, max_size=3), ends)


STATEMENTS = st.recursive(
    SIMPLE,
    lambda inner: st.tuples(st.just("if"), blocks(inner), st.none() | blocks(inner)),
    max_leaves=8,
)


def text(block: list[object]) -> str:
    lines = []
    for one in block:
        match one:
            case ("make", local, name, word):
                lines.append(f"{'local ' if local else ''}{name} = {{status = '{word}'}}")
            case ("set", name, word):
                lines.append(f"{name}.status = '{word}'")
            case ("aside", name):
                lines.append(f"{name}.message = 'Degraded' -- Degraded")
            case ("return", name):
                lines.append(f"return {name}")
            case ("if", then, other):
                more = "" if other is None else f"else\n{text(other)}"
                lines.append(f"if obj.x.y == 1 then\n{text(then)}{more}end")
    return "".join(f"{line}\n" for line in lines)


class Stopped(Exception):
    """The script has ended; with what it says."""


def branches(block: list[object]) -> int:
    inner = [one for one in block if isinstance(one, tuple) and one[0] == "if"]
    return sum(1 + branches(one[1]) + branches(one[2] or []) for one in inner)


def run(block: list[object], scopes: list[dict[str, dict[str, str]]], ways: list[bool]) -> None:
    """As Lua does, where tables are values that names refer to; `ways` says how conditions fall."""
    for one in block:
        assert isinstance(one, tuple)
        named = one[1] if one[0] in ("set", "aside", "return") else ""
        holder = next((s for s in reversed(scopes) if named in s), None)
        match one:
            case ("make", local, name, word):
                at = next((s for s in reversed(scopes) if name in s), scopes[0])
                (scopes[-1] if local else at)[name] = {"status": word}
            case ("set", name, word):
                if holder is None:
                    raise Stopped("error")
                holder[name]["status"] = word
            case ("aside", name):
                if holder is None:
                    raise Stopped("error")
            case ("return", name):
                raise Stopped(holder[name]["status"] if holder else "nothing")
            case ("if", then, other):
                way = ways.pop()
                chosen = then if way else other
                if chosen is not None:
                    run(chosen, [*scopes, {}], ways)


def said(block: list[object]) -> set[str]:
    """What a script may say, whichever way its conditions fall."""
    found = set()
    for ways in product((True, False), repeat=branches(block)):
        try:
            run(block, [{}], list(ways))
            found.add("nothing")
        except Stopped as end:
            found.add(str(end))
    return found


@given(blocks(STATEMENTS).filter(lambda block: branches(block) < 6))
@settings(deadline=None, max_examples=400)
def test_what_is_told_of_is_what_every_way_says(block: list[object]) -> None:
    assert says_only_healthy(text(block)) == (said(block) == {"Healthy"})


@given(blocks(STATEMENTS), st.data())
@settings(deadline=None, max_examples=200)
def test_a_garbled_script_is_told_of_or_not_and_raises_nothing(
    block: list[object], data: st.DataObject
) -> None:
    script = text(block)
    at = data.draw(st.integers(0, len(script)))
    noise = data.draw(st.text("{}()[]='\"-.,; \n\0aé1", max_size=6))
    says_only_healthy(script[:at] + noise + script[at:])
