"""What SLIDE is, independent of how it is computed, in rooms; a room imports those left of it.

errors, extending, interrupts, machine < contract < attribution, examples < settings < learner <
{sampled, direct < svm} < learners < models < runs; checkpoints beside them, above the contract.

As a whole it may import nothing else of the package; `tests/test_rooms.py` reads all imports and
has the table of who may see whom. May import `core.moved`, which keeps former addresses.
"""

from slide.core.moved import install

install()
