"""CEL: expressions, written as CEL text in Kubernetes objects or lowered from policies."""

from dra_policy.diagnostics.codes.entry import Code

EXPRESSION_CODES = (
    Code(
        "CEL001",
        "not an expression",
        'device.driver = "gpu.acme.com"',
        'device.driver == "gpu.acme.com"',
        "A selector that does not parse is refused by the API server, or aborts every allocation that meets it.",
    ),
    Code(
        "CEL002",
        "expression nests too deep",
        "hundreds of brackets inside each other",
        "several selectors, which must all hold",
        "The API server has the same kind of limit; a stated one keeps hostile input from exhausting the stack.",
    ),
    Code(
        "CEL003",
        "number out of range",
        "memory == 99999999999999999999",
        'memory == quantity("99999999999999999999")',
        "CEL's numbers have 64 bits; a number that wraps around would compare wrongly.",
    ),
    Code(
        "CEL004",
        "text literal is malformed",
        r'device.driver.matches("\d")',
        r'device.driver.matches(r"\d")',
        "A text that is not closed, or an escape that CEL does not know, means something else than it seems to.",
    ),
    Code(
        "CEL005",
        "reserved word as a name",
        "let == 1",
        "limit == 1",
        "CEL keeps these words for later versions of the language.",
    ),
    Code(
        "CEL006",
        "macro used wrongly",
        "has(device.attributes)",
        'has(device.attributes["gpu.acme.com"].model)',
        "Macros look at the form of their arguments: `has` wants a field, `all` a variable.",
    ),
    Code(
        "CEL010",
        "undeclared name",
        'devices.driver == "gpu.acme.com"',
        'device.driver == "gpu.acme.com"',
        "An expression for devices knows one variable, `device`, and the functions of Kubernetes.",
    ),
    Code(
        "CEL011",
        "no such field",
        'device.vendor == "acme"',
        'device.attributes["gpu.acme.com"].vendor == "acme"',
        "`device` has a few fixed fields; what a driver publishes stands in attributes and capacity.",
    ),
    Code(
        "CEL012",
        "operator or function does not take these types",
        'device.capacity["gpu.acme.com"].memory >= quantity("40Gi")',
        'device.capacity["gpu.acme.com"].memory.compareTo(quantity("40Gi")) >= 0',
        "Types are checked before anything runs: an error while allocating would fail the claim on every node.",
    ),
    Code(
        "CEL013",
        "expression does not decide",
        'device.attributes["gpu.acme.com"].index + 1',
        'device.attributes["gpu.acme.com"].index == 1',
        "A selector is a condition: its value must be a bool.",
    ),
    Code(
        "CEL014",
        "not a list or a map",
        'device.driver.exists(c, c == "a")',
        'device.driver.contains("a")',
        "`all`, `exists`, `map` and `filter` go through lists and maps; texts have functions of their own.",
    ),
    Code(
        "CEL015",
        "elements of different types",
        'model in ["H100", 100]',
        'model in ["H100", "100"]',
        "Kubernetes refuses mixed lists: a value of the wrong type would never be found.",
    ),
    Code(
        "CEL016",
        "constant argument is invalid",
        'device.driver.matches("[")',
        'device.driver.matches("a|b")',
        "A pattern, duration or number in the text can be checked before any device is there.",
    ),
    Code(
        "CEL017",
        "function not supported here",
        "a function of the Kubernetes environment that this version does not evaluate",
        "the same condition in other words",
        "An answer that might be wrong is worse than none: what is not evaluated exactly is refused by name.",
    ),
)
