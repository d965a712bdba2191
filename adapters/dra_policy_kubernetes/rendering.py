"""An answer as text for a terminal, or as Markdown for an issue or a chat."""

from __future__ import annotations

from collections.abc import Sequence

from dra_policy_kubernetes.answers import Why
from dra_policy_kubernetes.node_words import NodeGroup, node_groups, refusals

NAMED = 3
"""A group of nodes names this many of them."""


def as_text(why: Why, *, verbose: bool = False) -> str:
    """The true cause, then never or not now, who holds it, what helps; kube-scheduler's sentence; `verbose` all nodes."""
    lines = [f"{why.subject}: {why.cause}"]
    if why.prospect:
        lines.append(why.prospect)
    lines += [f"  {holder.words()}" for holder in why.holders]
    lines += [f"  tried: {change}" for change in why.changes]
    lines += [f"  {detail}" for detail in why.details]
    if why.scheduler:
        lines.append(f"kube-scheduler says: {why.scheduler}")
    if why.said and why.said != why.scheduler:
        lines.append(f"kube-scheduler said last: {why.said}")
    if verbose:
        refused = refusals(why.nodes)
        lines += [f"{_nodes(group)}: {group.words}" for group in node_groups(why.nodes, refused)]
        if refused is not None:
            lines += refused.text(verbose=True).splitlines()
    lines += [f"note: {note}" for note in why.notes]
    return "\n".join(lines) + "\n"


def as_markdown(why: Why, *, verbose: bool = False) -> str:
    """The same with a heading, lists and a table of nodes."""
    lines = [f"### {why.subject}", "", f"**{_escaped(why.cause)}**", ""]
    if why.prospect:
        lines += [_escaped(why.prospect), ""]
    items = [holder.words() for holder in why.holders]
    items += [f"tried: {change}" for change in why.changes]
    items += why.details
    if items:
        lines += [*(f"- {_escaped(item)}" for item in items), ""]
    for title, sentence in (("kube-scheduler says", why.scheduler), ("kube-scheduler said last", why.said)):
        if sentence and (sentence != why.scheduler or title == "kube-scheduler says"):
            lines += [f"> {title}: {_escaped(sentence)}", ""]
    if verbose and why.nodes:
        lines += ["| nodes | why |", "|---|---|"]
        groups = node_groups(why.nodes, refusals(why.nodes))
        lines += [f"| {_nodes(group)} | {_cell(group.words)} |" for group in groups]
        lines.append("")
    lines += [f"_{_escaped(note)}_" + "  " for note in why.notes]
    return "\n".join(lines).rstrip() + "\n"


def _nodes(group: NodeGroup) -> str:
    return named_nodes(group.nodes) + (f", as on {group.nodes[0]}" if group.example else "")


def named_nodes(names: Sequence[str]) -> str:
    """Some names, and how many there are.

    >>> named_nodes(["a"]), named_nodes(["a", "b", "c", "d"])
    ('a', '4 nodes (a, b, c, ...)')
    """
    if len(names) == 1:
        return names[0]
    return f"{len(names)} nodes ({', '.join(names[:NAMED])}{', ...' if len(names) > NAMED else ''})"


def _escaped(text: str) -> str:
    return text.replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|")


__all__ = ["as_markdown", "as_text", "named_nodes"]
