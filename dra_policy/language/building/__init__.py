"""From what lark reduces to the syntax tree: one function for each rule of the grammar, by the parts of the language.

The parser calls a function as soon as its rule is complete, with everything the rule is made of: tokens, and what the
functions of inner rules gave. Nothing here recurses over the text.
"""
