"""A piece of code in every language that is parsed, with what it defines."""

from snippets.managed import MANAGED
from snippets.scripts import SCRIPTS
from snippets.systems import SYSTEMS

SNIPPETS = dict(sorted((SYSTEMS | MANAGED | SCRIPTS).items()))
