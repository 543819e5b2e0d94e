"""A simulated police force: made-up people, records such as a real force keeps, and a known truth.

:func:`synthesise` writes the records as a load. No figure from it says how well anything works on
people.
"""

from features.synthetic.switches import Switches
from features.synthetic.world import latent_people, synthesise

__all__ = ["Switches", "latent_people", "synthesise"]
