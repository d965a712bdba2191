"""What one call to the allocator works with: the question, the devices of the node, the rules that apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dra_policy.allocation.attributes import Attributes
from dra_policy.allocation.compatibility import CompatibilityGroups
from dra_policy.allocation.counters import Counters, CountersAllowed
from dra_policy.allocation.in_use import InUse
from dra_policy.allocation.node_operations import NodeOperations
from dra_policy.allocation.question import Question
from dra_policy.allocation.rule import Rule
from dra_policy.allocation.ruleset import Rules
from dra_policy.allocation.selection import Selectable, Selection
from dra_policy.allocation.sharing import CapacityPolicies, Consumptions, RemainingCapacity
from dra_policy.allocation.site.context import Context
from dra_policy.allocation.site.ofsite import OfSite
from dra_policy.allocation.site.question import SiteQuestion
from dra_policy.allocation.site.ruleset import SitedRules, site_rules
from dra_policy.allocation.taints import Taints
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import NodeView, Usage
from dra_policy.resources import Features
from dra_policy.rules import ClaimRules, ClassName, ClassRules


class Call:
    """Everything that one call to `allocate` works with.

    The parts that depend on nothing else can be given: attributes and consumptions that other calls worked out, and
    another way to judge selectors, for questions that start with "what if" (`dra_policy.explanation.situation`). `site`
    is who asks where a site has rules of its own.
    """

    def __init__(
        self,
        view: NodeView,
        graph: MatcherGraph,
        *,
        claims: Sequence[ClaimRules],
        classes: Mapping[ClassName, ClassRules],
        usage: Usage,
        features: Features,
        attributes: Attributes | None = None,
        consumptions: Consumptions | None = None,
        selection: Selection | None = None,
        site: SiteQuestion | None = None,
    ) -> None:
        self.view = view
        self.claims = tuple(claims)
        self.classes = classes
        self.features = features
        self.usage = usage
        self.selection = Selection(view, graph, classes, features) if selection is None else selection
        self.selectable = Selectable(self.selection)
        self.attributes = Attributes() if attributes is None else attributes
        self.consumptions = Consumptions(features) if consumptions is None else consumptions
        self.site = site
        self.policies = CapacityPolicies(self.consumptions) if features.consumable_capacity else None

    def question(self) -> Question:
        return Question(
            self.selection, self.selectable, self.policies, self.classes, self.features, attributes=self.attributes
        )

    def steady(self) -> tuple[Rule, ...]:
        """The rules that give one answer per device and request, whatever is in use or chosen; selectors first."""
        features = self.features
        steady: list[Rule] = [self.selectable]
        if self.policies is not None:
            steady.append(self.policies)
        declared = frozenset(self.view.node.status.declared_features)
        steady += [NodeOperations(declared, features), CountersAllowed(features)]
        if features.device_taints:
            steady.append(Taints())
        return tuple(steady)

    def rules(self) -> Rules:
        """The rules that the features, the view and the site call for, with empty state."""
        rules = self.base_rules()
        return rules if self.site is None else SitedRules(rules, self.site_rules())

    def site_rules(self) -> tuple[OfSite, ...]:
        """The rules of the site, with empty state, always in the same order."""
        if self.site is None:
            return ()
        return site_rules(Context(self.site, self.view, self.claims, self.classes, self.consumptions))

    def base_rules(self) -> Rules:
        """The rules of Kubernetes that the features and the view call for, with empty state."""
        features, view, usage = self.features, self.view, self.usage
        capacity = [RemainingCapacity(usage, self.consumptions, features)] if self.policies is not None else []
        pools: list[Rule] = []
        if features.compatibility_groups:
            pools.append(CompatibilityGroups(view, usage, features))
        if features.partitionable_devices:
            pools.append(Counters(view, usage, features))
        return Rules(InUse(usage, features), self.steady(), capacity, pools)


__all__ = ["Call"]
