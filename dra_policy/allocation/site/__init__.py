"""What decides beyond Kubernetes: the rules of a site, each as a rule of the search.

They only restrict: whatever they leave, plain Kubernetes would grant too.
"""

from dra_policy.allocation.site.ledger import Holder, Ledger
from dra_policy.allocation.site.question import Asker, SiteQuestion

__all__ = ["Asker", "Holder", "Ledger", "SiteQuestion"]
