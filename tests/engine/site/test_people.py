"""What an engine knows of those who ask, kept from one moment to the next as if it were worked out anew."""

from __future__ import annotations

import random
from typing import Any

import pytest

from dra_policy.allocation import Allocated
from dra_policy.engine.people import Site
from dra_policy.rules import Origin
from dra_policy.rules.conditions import Constant
from dra_policy.rules.site import Refusal, SiteRules
from dra_policy.rules.subjects import Source, SubjectField

FIELDS = (
    SubjectField("team", Source.NAMESPACE_LABEL, "team"),
    SubjectField("priority", Source.POD_PRIORITY, default=0),
    SubjectField("kind", Source.CLAIM_LABEL, "kind"),
)
# A rule is needed for anything to be worked out; this one refuses nobody.
RULES = SiteRules(fields=FIELDS, refusals=(Refusal(Constant(value=False), None, Origin("", "never")),))


def pod(name: str, priority: int, *claims: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "priority": priority,
            "resourceClaims": [{"name": f"x{n}", "resourceClaimName": claim} for n, claim in enumerate(claims)],
        },
    }


@pytest.mark.parametrize("seed", range(8))
def test_the_site_is_the_same_as_worked_out_anew(make: Any, seed: int) -> None:
    dice = random.Random(seed)
    engine = make.engine(RULES, make.node("n"), make.slice("n", 12), make.template("t", labels={"kind": "made"}))
    names = [f"c{n}" for n in range(5)]
    engine.apply(*[make.claim(name) for name in names])
    for _ in range(60):
        what, name = dice.randrange(8), dice.choice(names)
        if what == 0:
            engine.apply(make.namespace("default", team=dice.choice(("cs", "math"))))
        elif what == 1:
            engine.apply(pod(dice.choice(("p", "q")), dice.randint(0, 2), *dice.sample(names, 2)))
        elif what == 2:
            engine.remove(dice.choice((pod("p", 0), pod("q", 0), make.namespace("default"))))
        elif what == 3:
            engine.apply(make.claim(name, labels=dice.choice(({}, {"kind": "a"}, {"kind": "b"}))))
        elif what == 4:
            engine.release(name)
        elif what == 5:
            outcome = engine.allocate("t", subject=dice.choice((None, {"team": "vouched"})))
            if isinstance(outcome, Allocated) and dice.random() < 0.7:
                engine.release(outcome.claims[0])
        else:
            engine.allocate(name, pod=dice.choice((None, "p")))
        moment = engine.moment()
        state = moment.state
        anew = Site(RULES).following(state.people, state.held, state.held)
        kept = moment.site()
        assert kept.ledger == anew.ledger
        assert {key: one[0] for key, one in kept.askers.items()} == {key: one[0] for key, one in anew.askers.items()}
        assert sorted(kept.askers) == sorted(state.held)
